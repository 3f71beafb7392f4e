//! The Secret from which the speakers derive their keys: made whenever there is none.

use std::collections::BTreeMap;
use std::time::Duration;

use ferrolb_crds::names::{KEY_SECRET, KEY_SECRET_ENTRY};
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::api::PostParams;
use kube::{Api, Client};

const KEY_BYTES: usize = 128;
/// How often it is tried to make one. It is tried instead of looked for, because to look for it takes the right to read
/// the key, which no controller needs.
const PACE: Duration = Duration::from_secs(10);

/// Makes the Secret as often as somebody deletes it, and lets it go with `owner`. One that is there is left alone, whatever is
/// in it.
pub(crate) async fn keep(client: Client, namespace: String, owner: Option<OwnerReference>) {
    let secrets: Api<Secret> = Api::namespaced(client, &namespace);
    let mut fails = false;
    loop {
        let made = create(&secrets, owner.as_ref()).await;
        match &made {
            Ok(true) => tracing::info!("made the Secret {KEY_SECRET}"),
            Ok(false) => {}
            Err(error) if !fails => {
                tracing::warn!(%error, "cannot make the Secret {KEY_SECRET}; without it, speakers that start are silent");
            }
            Err(error) => tracing::debug!(%error, "still cannot make the Secret {KEY_SECRET}"),
        }
        fails = made.is_err();
        tokio::time::sleep(PACE).await;
    }
}

/// Whether there was none.
async fn create(secrets: &Api<Secret>, owner: Option<&OwnerReference>) -> anyhow::Result<bool> {
    let mut key = vec![0; KEY_BYTES];
    getrandom::fill(&mut key).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    let secret = Secret {
        metadata: ObjectMeta {
            name: Some(KEY_SECRET.to_owned()),
            owner_references: owner.map(|owner| vec![owner.clone()]),
            ..ObjectMeta::default()
        },
        data: Some(BTreeMap::from([(KEY_SECRET_ENTRY.to_owned(), ByteString(key))])),
        ..Secret::default()
    };
    match secrets.create(&PostParams::default(), &secret).await {
        Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
        other => Ok(other.map(|_| true)?),
    }
}
