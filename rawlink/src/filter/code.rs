//! The few instructions that filters are made of.
//!
//! Comparisons jump at most 255 instructions, so [`when`] goes over a longer block by an unconditional jump, which
//! has 32 bits for the distance. All jumps go forward: that is all that classic BPF allows.

use super::Instruction;

/// Returns the whole frame (the number is a length limit in bytes, beyond any frame).
pub(super) const ACCEPT: Instruction = statement(RET, 0x0004_0000);
/// Returns nothing of the frame.
pub(super) const DROP: Instruction = statement(RET, 0);

// linux/bpf_common.h
pub(super) const LD_ABS: u16 = 0x20;
pub(super) const LD_MEM: u16 = 0x60;
pub(super) const ST: u16 = 0x02;
pub(super) const TAX: u16 = 0x07;
pub(super) const TXA: u16 = 0x87;
pub(super) const JA: u16 = 0x05;
pub(super) const JEQ: u16 = 0x15;
pub(super) const JGT: u16 = 0x25;
pub(super) const JGE: u16 = 0x35;
pub(super) const RET: u16 = 0x06;

/// How much a load takes from the frame, in network byte order.
#[derive(Clone, Copy)]
pub(super) enum Width {
    Word = 0x00,
    Half = 0x08,
    Byte = 0x10,
}

pub(super) const fn statement(code: u16, k: u32) -> Instruction {
    Instruction {
        code,
        jt: 0,
        jf: 0,
        k,
    }
}

pub(super) const fn jump(code: u16, k: u32, jt: u8, jf: u8) -> Instruction {
    Instruction { code, jt, jf, k }
}

/// Loads from the frame; beyond its end, the program drops the frame.
pub(super) const fn load(width: Width, offset: u32) -> Instruction {
    statement(LD_ABS | width as u16, offset)
}

/// Keeps the accumulator in a word of scratch memory.
pub(super) const fn save(word: u32) -> Instruction {
    statement(ST, word)
}

/// Brings back what [`save`] kept.
pub(super) const fn recall(word: u32) -> Instruction {
    statement(LD_MEM, word)
}

/// Keeps the accumulator in the index register.
pub(super) const SWAP_TO_INDEX: Instruction = statement(TAX, 0);

/// Brings back what [`SWAP_TO_INDEX`] kept.
pub(super) const SWAP_FROM_INDEX: Instruction = statement(TXA, 0);

/// Goes over `distance` instructions.
pub(super) fn skip(distance: usize) -> Instruction {
    let distance = u32::try_from(distance).expect("a program has at most 4096 instructions");
    statement(JA, distance)
}

/// Runs the block if the accumulator has the value, else goes on behind it.
pub(super) fn when(value: u32, block: Vec<Instruction>) -> Vec<Instruction> {
    let mut code = match u8::try_from(block.len()) {
        Ok(distance) => vec![jump(JEQ, value, 0, distance)],
        Err(_) => vec![jump(JEQ, value, 1, 0), skip(block.len())],
    };
    code.extend(block);
    code
}

/// Loads, and runs the block if that has the value, else drops the frame.
pub(super) fn only(load: Instruction, value: u32, block: Vec<Instruction>) -> Vec<Instruction> {
    let mut code = vec![load];
    code.extend(when(value, block));
    code.push(DROP);
    code
}

/// Runs `first` and then `second` if the accumulator has the first value, only `second` if it has the second value.
pub(super) fn either(
    first_value: u32,
    first: Vec<Instruction>,
    second_value: u32,
    second: Vec<Instruction>,
) -> Vec<Instruction> {
    let mut code = vec![
        jump(JEQ, first_value, 3, 0),
        jump(JEQ, second_value, 1, 0),
        DROP,
        skip(first.len()),
    ];
    code.extend(first);
    code.extend(second);
    code
}

/// Runs `otherwise` unless the accumulator has one of two values.
pub(super) fn unless_one_of(one: u32, other: u32, otherwise: Instruction) -> [Instruction; 3] {
    [jump(JEQ, one, 2, 0), jump(JEQ, other, 1, 0), otherwise]
}
