//! Passwords of TCP MD5.

use std::fmt;

use super::{BGPPeerSpec, Invalid, said};

/// Where the password of TCP MD5 signatures is.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Password {
    /// There is none.
    None,
    /// In the object itself.
    Plain(Secrecy),
    /// In the Secret of this name in our namespace.
    Secret(String),
}

/// A text that is never shown.
#[derive(Clone, Eq, PartialEq)]
pub struct Secrecy(pub String);

impl Password {
    pub(super) fn parse(spec: &BGPPeerSpec) -> Result<Self, Invalid> {
        let secret = spec
            .password_secret
            .as_ref()
            .and_then(|secret| said(secret.name.as_deref()));
        match (said(spec.password.as_deref()), secret) {
            (None, None) => Ok(Self::None),
            (Some(_), Some(_)) => Err(Invalid::new(
                "spec.password",
                "is given beside spec.passwordSecret; only one may be",
            )),
            (Some(plain), None) => Secrecy::password(plain)
                .map(Self::Plain)
                .map_err(|why| Invalid::new("spec.password", why)),
            (None, Some(name)) => Ok(Self::Secret(name.to_owned())),
        }
    }
}

impl Secrecy {
    /// A password that TCP can sign with: 80 bytes at most (`TCP_MD5SIG_MAXKEYLEN`).
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn password(text: &str) -> Result<Self, String> {
        match text.len() {
            0 => Err("is empty".to_owned()),
            1..=80 => Ok(Self(text.to_owned())),
            length => Err(format!("has {length} bytes; TCP signs with 80 at most")),
        }
    }
}

impl fmt::Debug for Secrecy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}
