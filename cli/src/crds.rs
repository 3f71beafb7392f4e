//! `ferrolb crds`: the resource definitions, as `deploy/crds/` holds them.

use std::io::{self, Write};
use std::process::ExitCode;

use ferrolb_crds::api;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;

/// Prints all definitions.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    io::stdout().write_all(yaml()?.as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// All definitions, a YAML document each.
fn yaml() -> anyhow::Result<String> {
    let document = |crd: &CustomResourceDefinition| {
        // Ordered by way of a JSON value: the same bytes whatever the order of fields in the types.
        Ok(format!(
            "---\n{}",
            serde_saphyr::to_string(&serde_json::to_value(crd)?)?
        ))
    };
    api::definitions().iter().map(document).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_definitions_that_are_deployed_are_those_of_the_types() {
        let deployed = include_str!("../../deploy/crds/crds.yaml");
        assert!(
            yaml().unwrap() == deployed,
            "deploy/crds/crds.yaml is out of date: run `make crds`"
        );
    }
}
