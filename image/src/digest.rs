use sha2::{Digest, Sha256};

/// The SHA-256 of some bytes, in 64 hexadecimal digits.
#[must_use]
pub fn sha256(content: &[u8]) -> String {
    Sha256::digest(content)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
