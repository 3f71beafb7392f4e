//! Classic BPF as the kernel checks and runs it, as far as the filters here use it.

use super::super::code::{JA, JEQ, JGE, JGT, LD_ABS, LD_MEM, RET, ST, TAX, TXA};
use super::super::{Instruction, Program};

/// `BPF_MAXINSNS`
const LONGEST: usize = 4096;
const SCRATCH_WORDS: usize = 16;

struct Machine<'a> {
    frame: &'a [u8],
    accumulator: u32,
    index: u32,
    scratch: [u32; SCRATCH_WORDS],
}

/// Bytes of the frame that pass; 0 drops it.
pub(super) fn run(program: &Program, frame: &[u8]) -> u32 {
    let mut machine = Machine {
        frame,
        accumulator: 0,
        index: 0,
        scratch: [0; SCRATCH_WORDS],
    };
    let mut at = 0;
    loop {
        let instruction = program.0[at];
        if instruction.code == RET {
            return instruction.k;
        }
        match machine.step(instruction) {
            Some(distance) => at += 1 + distance,
            None => return 0,
        }
    }
}

impl Machine<'_> {
    /// How many instructions to skip; nothing if the frame ended.
    fn step(&mut self, instruction: Instruction) -> Option<usize> {
        let Instruction { code, jt, jf, k } = instruction;
        let branch = |holds| usize::from(if holds { jt } else { jf });
        match code {
            JA => return Some(k as usize),
            JEQ => return Some(branch(self.accumulator == k)),
            JGT => return Some(branch(self.accumulator > k)),
            JGE => return Some(branch(self.accumulator >= k)),
            LD_MEM => self.accumulator = self.scratch[k as usize],
            ST => self.scratch[k as usize] = self.accumulator,
            TAX => self.index = self.accumulator,
            TXA => self.accumulator = self.index,
            load => self.accumulator = self.load(load, k as usize)?,
        }
        Some(0)
    }

    fn load(&self, code: u16, at: usize) -> Option<u32> {
        let size = match code ^ LD_ABS {
            0x00 => 4,
            0x08 => 2,
            0x10 => 1,
            _ => panic!("unknown instruction {code:#x}"),
        };
        let bytes = self.frame.get(at..at + size)?;
        Some(bytes.iter().fold(0, |value, byte| value << 8 | u32::from(*byte)))
    }
}

/// What the kernel demands before it takes a program: no jump leaves it, and every path ends in a return.
pub(super) fn is_valid(program: &Program) -> bool {
    let length = program.0.len();
    let within = |at: usize, distance: usize| at + 1 + distance < length;
    length <= LONGEST
        && program.0.last().is_some_and(|last| last.code == RET)
        && program.0.iter().enumerate().all(|(at, each)| match each.code {
            JA => within(at, each.k as usize),
            JEQ | JGT | JGE => within(at, each.jt.into()) && within(at, each.jf.into()),
            _ => true,
        })
}
