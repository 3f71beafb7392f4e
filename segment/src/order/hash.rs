//! MetalLB's order of nodes for an address.

use ferrolb_crds::domain::NodeName;
use sha2::{Digest, Sha256, compress256};

/// The words that SHA-256 starts from (FIPS 180-4, section 5.3.3).
const START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];
/// A block of SHA-256, in bytes.
const BLOCK: usize = 64;
/// Where a last block says how long the text is.
const LENGTH_AT: usize = BLOCK - size_of::<u64>();

/// The rank of a node for an address: the lowest comes first. The words of a SHA-256, which compare as its
/// bytes do.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct Hash(pub [u32; 8]);

/// sha256(node "#" name), the rank of a node for anything that has a name. That of an address is its text: so
/// it is MetalLB's order (`speaker/layer2_controller.go`), and both elect the same node.
pub fn hash_of(node: &NodeName, name: &str) -> Hash {
    one_block(node.as_str().as_bytes(), name.as_bytes()).unwrap_or_else(|| {
        let text = Sha256::new()
            .chain_update(node.as_str())
            .chain_update("#")
            .chain_update(name);
        let bytes: [u8; 32] = text.finalize().into();
        let (words, _) = bytes.as_chunks();
        Hash(std::array::from_fn(|word| u32::from_be_bytes(words[word])))
    })
}

/// The hash of a text short enough for one block with its end and its length, as nearly all are: an election is a
/// million of them, and to collect a text piece by piece costs more than to hash it.
fn one_block(node: &[u8], name: &[u8]) -> Option<Hash> {
    let length = node.len() + 1 + name.len();
    if length >= LENGTH_AT {
        return None;
    }
    let mut block = [0; BLOCK];
    block[..node.len()].copy_from_slice(node);
    block[node.len()] = b'#';
    block[node.len() + 1..length].copy_from_slice(name);
    block[length] = 0x80;
    block[LENGTH_AT..].copy_from_slice(&(8 * length as u64).to_be_bytes());
    let mut words = START;
    compress256(&mut words, &[block.into()]);
    Some(Hash(words))
}
