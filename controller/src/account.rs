//! The account that this process runs as: what the controller makes for its installation goes with it.

use std::fs;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use serde::Deserialize;

/// Where Kubernetes gives a pod the token of its account.
const TOKEN: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// What a token says of its bearer, besides what others need.
#[derive(Deserialize)]
struct Claims {
    #[serde(rename = "kubernetes.io")]
    kubernetes: Bearer,
}

#[derive(Deserialize)]
struct Bearer {
    serviceaccount: Account,
}

#[derive(Deserialize)]
struct Account {
    name: String,
    uid: String,
}

/// The ServiceAccount of this pod as an owner of other objects of its namespace; none outside a pod.
///
/// It is read from the token, because to ask for the object takes a right that nothing else needs.
pub(crate) fn own() -> Option<OwnerReference> {
    owner(&fs::read_to_string(TOKEN).ok()?)
}

/// The account that a token is for (RFC 7519: header, claims and signature, each in base64url). Only the API server can
/// check it, and nothing here depends on that.
fn owner(token: &str) -> Option<OwnerReference> {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let Account { name, uid } = serde_json::from_slice::<Claims>(&claims)
        .ok()?
        .kubernetes
        .serviceaccount;
    Some(OwnerReference {
        api_version: "v1".to_owned(),
        kind: "ServiceAccount".to_owned(),
        name,
        uid,
        ..OwnerReference::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    fn token(claims: &str) -> String {
        format!("e30.{}.c2ln", BASE64_URL_SAFE_NO_PAD.encode(claims))
    }

    #[test]
    fn the_owner_is_the_account_that_the_token_names() {
        let claims = r#"{"sub": "system:serviceaccount:metallb-system:controller", "kubernetes.io": {
            "namespace": "metallb-system", "pod": {"name": "controller-1", "uid": "b"},
            "serviceaccount": {"name": "controller", "uid": "a"}}}"#;
        let owner = owner(&token(claims)).unwrap();
        assert_eq!((&*owner.kind, &*owner.api_version), ("ServiceAccount", "v1"));
        assert_eq!((&*owner.name, &*owner.uid), ("controller", "a"));
        assert_eq!(owner.controller, None);
    }

    #[rstest]
    #[case::nothing("")]
    #[case::no_token("secret")]
    #[case::no_base64("a.!.b")]
    #[case::no_account(&token(r#"{"kubernetes.io": {"namespace": "default"}}"#))]
    #[case::an_old_token(&token(r#"{"kubernetes.io/serviceaccount/service-account.uid": "a"}"#))]
    fn what_names_no_account_owns_nothing(#[case] token: &str) {
        assert!(owner(token).is_none());
    }
}
