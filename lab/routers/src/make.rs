//! The makes of routers.

use crate::bird::ToldBird;
use crate::exabgp::ExaBgp;
use crate::frr::ToldFrr;
use crate::gobgp::GoBgp;
use crate::openbgpd::OpenBgpd;
use crate::programs::{Edition, packages, said};
use crate::session::{Router, Session};

/// A make of routers.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum Make {
    /// FRR of Debian 12.
    Frr,
    /// FRR of Debian 13.
    NewerFrr,
    /// BIRD of Debian 12.
    Bird,
    /// BIRD of Debian 13.
    NewerBird,
    /// GoBGP.
    GoBgp,
    /// ExaBGP, which shows what it is told, and chooses no routes.
    ExaBgp,
    /// OpenBGPD.
    OpenBgpd,
}

impl Make {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::Frr,
        Self::NewerFrr,
        Self::Bird,
        Self::NewerBird,
        Self::GoBgp,
        Self::ExaBgp,
        Self::OpenBgpd,
    ];

    /// In the names of trials.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Frr => "frr",
            Self::NewerFrr => "newer_frr",
            Self::Bird => "bird",
            Self::NewerBird => "newer_bird",
            Self::GoBgp => "gobgp",
            Self::ExaBgp => "exabgp",
            Self::OpenBgpd => "openbgpd",
        }
    }

    /// As it calls itself.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Frr | Self::NewerFrr => "FRR",
            Self::Bird | Self::NewerBird => "BIRD",
            Self::GoBgp => "GoBGP",
            Self::ExaBgp => "ExaBGP",
            Self::OpenBgpd => "OpenBGPD",
        }
    }

    /// Which version of it runs here: the first two numbers, so that a fix in Debian changes no document.
    pub fn version(self) -> String {
        let module = format!("PYTHONPATH={}", packages().display());
        let said = match self {
            Self::Frr => said("usr/lib/frr/bgpd", &["--version"]),
            Self::NewerFrr => said("newer/usr/lib/frr/bgpd", &["--version"]),
            Self::Bird => said("usr/sbin/bird", &["--version"]),
            Self::NewerBird => said("newer/usr/sbin/bird", &["--version"]),
            Self::GoBgp => said("gobgpd", &["--version"]),
            Self::ExaBgp => said(
                "/usr/bin/env",
                &[&module, "/usr/bin/python3", "-m", "exabgp", "--version"],
            ),
            Self::OpenBgpd => said("usr/sbin/bgpd", &["-V"]),
        };
        let is_number = |word: &&str| word.starts_with(|first: char| first.is_ascii_digit());
        let number = said.split_whitespace().find(is_number).unwrap_or_default();
        let mut parts = number.split('.');
        format!(
            "{}.{}",
            parts.next().unwrap_or_default(),
            parts.next().unwrap_or_default()
        )
    }

    /// Whether it gives its routes to the kernel here.
    pub const fn fills_the_kernel(self) -> bool {
        matches!(self, Self::Frr | Self::NewerFrr | Self::Bird | Self::NewerBird)
    }

    /// Starts a router in a namespace.
    pub fn start(self, namespace: &str, session: &Session) -> Box<dyn Router> {
        match self {
            Self::Frr => Box::new(ToldFrr::start(Edition::Usual, namespace, session)),
            Self::NewerFrr => Box::new(ToldFrr::start(Edition::Newer, namespace, session)),
            Self::Bird => Box::new(ToldBird::start(Edition::Usual, namespace, session)),
            Self::NewerBird => Box::new(ToldBird::start(Edition::Newer, namespace, session)),
            Self::GoBgp => Box::new(GoBgp::start(namespace, session)),
            Self::ExaBgp => Box::new(ExaBgp::start(namespace, session)),
            Self::OpenBgpd => Box::new(OpenBgpd::start(namespace, session)),
        }
    }
}
