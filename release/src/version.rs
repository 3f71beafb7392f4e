use std::fmt;
use std::str::FromStr;

/// Three numbers of [Semantic Versioning](https://semver.org); what is released here has no suffix.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version([u64; 3]);

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |part: &str| part.parse::<u64>().ok().filter(|n| n.to_string() == part);
        let numbers: Option<Vec<u64>> = text.split('.').map(number).collect();
        numbers
            .and_then(|numbers| <[u64; 3]>::try_from(numbers).ok())
            .map(Self)
            .ok_or_else(|| format!("version {text:?} is not three numbers such as 1.2.3"))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, patch] = self.0;
        write!(out, "{major}.{minor}.{patch}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers_are_a_version_and_ordered_as_numbers() {
        let version = |text: &str| text.parse::<Version>().unwrap();
        assert_eq!(version("0.10.2").to_string(), "0.10.2");
        assert!(version("0.10.0") > version("0.9.9"));
    }

    #[test]
    fn anything_else_is_refused_with_what_it_was() {
        for text in ["", "1.2", "1.2.3.4", "v1.2.3", "1.2.03", "1.2.3-rc.1", "1.2.+3"] {
            assert!(text.parse::<Version>().unwrap_err().contains(text), "{text}");
        }
    }
}
