//! Whose history is asked for.

use std::str::FromStr;

use ferrolb_speaker::history::Line;

use crate::explain::Subject;

/// What `ferrolb explain` takes, or a node.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum About {
    Subject(Subject),
    Node(String),
}

impl About {
    /// The same; a Service without a namespace is in this one.
    pub(super) fn within(self, namespace: &str) -> Self {
        match self {
            Self::Subject(subject) => Self::Subject(subject.within(namespace)),
            Self::Node(name) => Self::Node(name),
        }
    }

    /// Whether a line is of it.
    pub(super) fn is_in(&self, line: &Line) -> bool {
        match self {
            Self::Subject(Subject::Address(address)) => line.address == Some(*address),
            Self::Subject(Subject::Service { namespace, name }) => {
                let key = format!("{}/{name}", namespace.as_deref().unwrap_or_default());
                line.services.contains(&key)
            }
            Self::Node(name) => [&line.from, &line.to].contains(&&Some(name.clone())),
        }
    }
}

impl FromStr for About {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some((kind, name)) = text.split_once('/')
            && ["node", "nodes", "no"].contains(&kind)
            && !name.is_empty()
            && !name.contains('/')
        {
            return Ok(Self::Node(name.to_owned()));
        }
        let subject = text.parse().map(Self::Subject);
        subject.map_err(|_| "must be svc/NAME, svc/NAMESPACE/NAME, an address, or node/NAME".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;
    use crate::history::merge::line;

    #[rstest]
    #[case("svc/web", true)]
    #[case("svc/default/web", true)]
    #[case("svc/shop/web", false)]
    #[case("192.0.2.7", true)]
    #[case("192.0.2.8", false)]
    #[case("node/n1", true)]
    #[case("node/n2", true)]
    #[case("node/n3", false)]
    fn a_line_is_of_its_service_its_address_and_both_nodes(#[case] about: &str, #[case] expected: bool) {
        let about: About = about.parse().unwrap();
        let line = line(1_000, "took", Some("n1"), Some("n2"), "SpeakerDown");
        assert_eq!(about.within("default").is_in(&line), expected);
    }

    #[rstest]
    #[case("node/")]
    #[case("node/n1/x")]
    #[case("n1")]
    fn anything_else_is_refused(#[case] text: &str) {
        assert!(text.parse::<About>().is_err());
    }
}
