//! The versions of all Services, read without anything else of them.

use ferrolb_crds::api::core::Service;
use ferrolb_crds::domain::ServiceKey;
use kube::api::ListParams;
use kube::core::Request;
use kube::{Client, Resource};
use serde::Deserialize;

use crate::takeover::Versions;

/// All that is read of the list: the rest, `managedFields` above all, is most of it.
#[derive(Deserialize)]
struct List {
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    metadata: Metadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    namespace: String,
    name: String,
    resource_version: String,
}

/// As they are in the database; none if they cannot be listed.
pub(super) async fn list(client: Client) -> Option<Versions> {
    let request = Request::new(Service::url_path(&(), None));
    let listed = match request.list_metadata(&ListParams::default()) {
        Ok(request) => client.request::<List>(request).await,
        Err(error) => Err(kube::Error::BuildRequest(error)),
    };
    match listed {
        Ok(list) => Some(list.items.into_iter().map(version).collect()),
        Err(error) => {
            tracing::warn!(%error, "Services cannot be listed, which is waited for before anything is decided");
            None
        }
    }
}

fn version(item: Item) -> (ServiceKey, String) {
    let Metadata {
        namespace,
        name,
        resource_version,
    } = item.metadata;
    (ServiceKey::new(namespace, name), resource_version)
}

#[cfg(test)]
mod tests {
    use http::{Request, Response};
    use kube::client::Body;
    use serde_json::json;
    use tower_test::mock;

    use super::*;

    #[tokio::test]
    async fn only_metadata_is_asked_for_and_each_service_gives_its_version() {
        let (service, mut server) = mock::pair::<Request<Body>, Response<Body>>();
        let answer = async {
            let (request, send) = server.next_request().await.unwrap();
            let list = json!({ "items": [{ "metadata": { "namespace": "shop", "name": "web",
                "resourceVersion": "7", "managedFields": [{}] } }] });
            send.send_response(Response::new(Body::from(list.to_string().into_bytes())));
            let accept = request.headers()["accept"].to_str().unwrap().to_owned();
            (request.uri().path().to_owned(), accept)
        };
        let (versions, (path, accept)) = futures::join!(list(Client::new(service, "default")), answer);
        assert_eq!(path, "/api/v1/services");
        assert!(accept.contains("as=PartialObjectMetadataList"), "{accept}");
        let expected = (ServiceKey::new("shop", "web"), "7".to_owned());
        assert_eq!(versions, Some([expected].into()));
    }
}
