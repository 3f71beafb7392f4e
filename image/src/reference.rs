use std::fmt;

/// Which image the manifests name: `NAME:TAG`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference {
    /// With the registry, without the tag.
    pub name: String,
    /// What follows the last colon.
    pub tag: String,
}

/// A `kustomization.yaml` that does not name one image.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{found} lines `{field}:` where one is needed")]
pub struct BadReference {
    field: &'static str,
    found: usize,
}

impl fmt::Display for Reference {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.name, self.tag)
    }
}

impl Reference {
    /// The image that a `kustomization.yaml` sets, by its lines `newName:` and `newTag:`.
    ///
    /// # Errors
    /// If it sets none or several.
    pub fn in_kustomization(text: &str) -> Result<Self, BadReference> {
        Ok(Self {
            name: only(text, "newName")?,
            tag: only(text, "newTag")?,
        })
    }
}

fn only(text: &str, field: &'static str) -> Result<String, BadReference> {
    let values = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix(field)?.strip_prefix(':'));
    let values: Vec<&str> = values.map(|value| value.trim().trim_matches('"')).collect();
    match values[..] {
        [value] => Ok(value.to_owned()),
        _ => Err(BadReference {
            field,
            found: values.len(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_what_the_two_lines_say() {
        let text =
            "images:\n- name: ferrolb\n  newName: registry.example.com:5000/ferrolb\n  newTag: \"0.2.0\"\n";
        let reference = Reference::in_kustomization(text).unwrap();
        assert_eq!(reference.to_string(), "registry.example.com:5000/ferrolb:0.2.0");
    }

    #[test]
    fn two_images_or_none_are_refused_with_the_field() {
        let refused = |text| Reference::in_kustomization(text).unwrap_err().to_string();
        assert!(refused("newName: a\nnewName: b\nnewTag: c").contains("2 lines `newName:`"));
        assert!(refused("newName: a").contains("0 lines `newTag:`"));
    }
}
