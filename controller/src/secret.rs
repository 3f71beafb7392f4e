//! The Secret from which the speakers derive their keys: made once if nobody made it.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::api::PostParams;
use kube::{Api, Client};

/// The Secret and the key in it: MetalLB's names, so that an installation keeps its own.
const NAME: &str = "memberlist";
const KEY: &str = "secretkey";
const KEY_BYTES: usize = 128;
const AGAIN: Duration = Duration::from_secs(5);

/// Returns once the Secret is there. One that is there is left alone, whatever is in it.
pub(crate) async fn ensure(client: Client, namespace: String) {
    let secrets: Api<Secret> = Api::namespaced(client, &namespace);
    while let Err(error) = create(&secrets).await {
        tracing::warn!(%error, "cannot make the Secret {NAME}; speakers say nothing without it");
        tokio::time::sleep(AGAIN).await;
    }
}

async fn create(secrets: &Api<Secret>) -> anyhow::Result<()> {
    let mut key = vec![0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(NAME.to_owned()),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([(KEY.to_owned(), ByteString(key))])),
        ..Secret::default()
    };
    match secrets.create(&PostParams::default(), &secret).await {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(()),
        other => Ok(other.map(drop)?),
    }
}
