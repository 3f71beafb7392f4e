//! Classic BPF as the kernel runs it, as far as the filters here use it.

use libc::{
    BPF_ABS, BPF_B, BPF_H, BPF_JA, BPF_JEQ, BPF_JGE, BPF_JMP, BPF_JSET, BPF_K, BPF_LD, BPF_RET, BPF_W,
    SKF_AD_OFF, SKF_AD_PKTTYPE, SKF_AD_VLAN_TAG, SKF_AD_VLAN_TAG_PRESENT,
};

use super::Program;
use super::code::Instruction;

/// A frame and what the kernel knows beside its bytes.
#[derive(Clone, Debug)]
pub(super) struct Packet {
    pub(super) bytes: Vec<u8>,
    pub(super) packet_type: u8,
    pub(super) vlan: Option<u16>,
}

/// Bytes of the packet that pass; 0 refuses it.
pub(super) fn run(program: &Program, packet: &Packet) -> u32 {
    let mut accumulator = 0;
    let mut at = 0;
    loop {
        let instruction = program.0[at];
        at += 1;
        match Step::of(instruction, accumulator) {
            Step::Return(length) => return length,
            Step::Jump(distance) => at += distance,
            Step::Load(size, offset) => match load(packet, size, offset) {
                Some(value) => accumulator = value,
                None => return 0,
            },
        }
    }
}

enum Step {
    Return(u32),
    Jump(usize),
    Load(usize, u32),
}

impl Step {
    fn of(instruction: Instruction, accumulator: u32) -> Self {
        let Instruction {
            code,
            when_true,
            when_false,
            operand,
        } = instruction;
        let branch = |holds| Self::Jump(usize::from(if holds { when_true } else { when_false }));
        match u32::from(code) {
            RETURN => Self::Return(operand),
            JUMP => Self::Jump(operand as usize),
            JUMP_EQUAL => branch(accumulator == operand),
            JUMP_AT_LEAST => branch(accumulator >= operand),
            JUMP_ANY_BIT => branch(accumulator & operand != 0),
            LOAD_BYTE => Self::Load(1, operand),
            LOAD_HALF => Self::Load(2, operand),
            LOAD_WORD => Self::Load(4, operand),
            other => panic!("unknown instruction {other:#x}"),
        }
    }
}

const RETURN: u32 = BPF_RET | BPF_K;
const JUMP: u32 = BPF_JMP | BPF_JA;
const JUMP_EQUAL: u32 = BPF_JMP | BPF_JEQ | BPF_K;
const JUMP_AT_LEAST: u32 = BPF_JMP | BPF_JGE | BPF_K;
const JUMP_ANY_BIT: u32 = BPF_JMP | BPF_JSET | BPF_K;
const LOAD_BYTE: u32 = BPF_LD | BPF_B | BPF_ABS;
const LOAD_HALF: u32 = BPF_LD | BPF_H | BPF_ABS;
const LOAD_WORD: u32 = BPF_LD | BPF_W | BPF_ABS;

fn load(packet: &Packet, size: usize, offset: u32) -> Option<u32> {
    if offset.cast_signed() < 0 {
        return Some(ancillary(packet, offset.cast_signed() - SKF_AD_OFF));
    }
    let at = offset as usize;
    let bytes = packet.bytes.get(at..at + size)?;
    Some(
        bytes
            .iter()
            .fold(0, |value, byte| value << 8 | u32::from(*byte)),
    )
}

fn ancillary(packet: &Packet, field: i32) -> u32 {
    match field {
        SKF_AD_PKTTYPE => u32::from(packet.packet_type),
        SKF_AD_VLAN_TAG_PRESENT => u32::from(packet.vlan.is_some()),
        SKF_AD_VLAN_TAG => u32::from(packet.vlan.unwrap_or_default()),
        other => panic!("unknown ancillary field {other}"),
    }
}
