//! What is to be explained.

use std::net::IpAddr;
use std::str::FromStr;

/// A Service or an address, as the user names it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Subject {
    /// A Service; without a namespace it is in that of `--namespace`.
    Service { namespace: Option<String>, name: String },
    /// Whatever has this address.
    Address(IpAddr),
}

/// As kubectl has it.
const KINDS: [&str; 3] = ["svc", "service", "services"];

impl Subject {
    /// The same; a Service without a namespace is in this one.
    pub(crate) fn within(self, namespace: &str) -> Self {
        match self {
            Self::Service {
                namespace: None,
                name,
            } => Self::Service {
                namespace: Some(namespace.to_owned()),
                name,
            },
            other => other,
        }
    }
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        let parts: Vec<&str> = text.split('/').collect();
        let is_service = parts.first().is_some_and(|kind| KINDS.contains(kind));
        let (namespace, name) = match parts.as_slice() {
            [_, name] if is_service => (None, *name),
            [_, namespace, name] if is_service => (Some(*namespace), *name),
            _ => (None, ""),
        };
        if name.is_empty() || namespace.is_some_and(str::is_empty) {
            return Err("must be svc/NAME, svc/NAMESPACE/NAME or an address".to_owned());
        }
        Ok(Self::Service {
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn service(namespace: Option<&str>, name: &str) -> Subject {
        Subject::Service {
            namespace: namespace.map(str::to_owned),
            name: name.to_owned(),
        }
    }

    #[rstest]
    #[case("svc/web", service(None, "web"))]
    #[case("service/web", service(None, "web"))]
    #[case("svc/shop/web", service(Some("shop"), "web"))]
    #[case("192.0.2.7", Subject::Address("192.0.2.7".parse().unwrap()))]
    #[case("2001:db8::7", Subject::Address("2001:db8::7".parse().unwrap()))]
    fn a_service_or_an_address_is_named(#[case] text: &str, #[case] expected: Subject) {
        assert_eq!(text.parse(), Ok(expected));
    }

    #[rstest]
    #[case("")]
    #[case("web")]
    #[case("shop/web")]
    #[case("pod/web")]
    #[case("svc/")]
    #[case("svc//web")]
    #[case("svc/shop/web/x")]
    #[case("192.0.2.256")]
    fn anything_else_is_refused(#[case] text: &str) {
        assert!(text.parse::<Subject>().is_err());
    }
}
