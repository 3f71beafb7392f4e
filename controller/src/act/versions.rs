//! The versions of all Services and who wrote them, read without anything else of them.

use ferrolb_crds::api::core::Service;
use ferrolb_crds::domain::ServiceKey;
use kube::api::ListParams;
use kube::core::Request;
use kube::{Client, Resource};
use serde::Deserialize;

use crate::takeover::{Listed, Versions};

/// All that is read of the list: the rest, the fields in `managedFields` above all, is most of it.
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
    #[serde(default)]
    managed_fields: Vec<Managed>,
}

#[derive(Deserialize)]
struct Managed {
    #[serde(default)]
    manager: String,
}

/// As they are in the database; none if they cannot be listed. `manager` is our field manager.
pub(super) async fn list(client: Client, manager: String) -> Option<Versions> {
    let request = Request::new(Service::url_path(&(), None));
    let answered = match request.list_metadata(&ListParams::default()) {
        Ok(request) => client.request::<List>(request).await,
        Err(error) => Err(kube::Error::BuildRequest(error)),
    };
    match answered {
        Ok(list) => Some(
            list.items
                .into_iter()
                .map(|item| listed(item, &manager))
                .collect(),
        ),
        Err(error) => {
            tracing::warn!(%error, "Services cannot be listed, which is waited for before anything is decided");
            None
        }
    }
}

fn listed(item: Item, manager: &str) -> (ServiceKey, Listed) {
    let Metadata {
        namespace,
        name,
        resource_version,
        managed_fields,
    } = item.metadata;
    let listed = Listed {
        version: resource_version,
        is_written_by_us: managed_fields.iter().any(|entry| entry.manager == manager),
    };
    (ServiceKey::new(namespace, name), listed)
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
                "resourceVersion": "7", "managedFields": [{}, { "manager": "us" }] } }] });
            send.send_response(Response::new(Body::from(list.to_string().into_bytes())));
            let accept = request.headers()["accept"].to_str().unwrap().to_owned();
            (request.uri().path().to_owned(), accept)
        };
        let (versions, (path, accept)) =
            futures::join!(list(Client::new(service, "default"), "us".to_owned()), answer);
        assert_eq!(path, "/api/v1/services");
        assert!(accept.contains("as=PartialObjectMetadataList"), "{accept}");
        let listed = Listed {
            version: "7".to_owned(),
            is_written_by_us: true,
        };
        let expected = (ServiceKey::new("shop", "web"), listed);
        assert_eq!(versions, Some([expected].into()));
    }

    #[test]
    fn what_another_field_manager_wrote_is_not_ours() {
        let item = json!({ "metadata": { "namespace": "shop", "name": "web", "resourceVersion": "7",
            "managedFields": [{ "manager": "ferrolb-controller.elsewhere" }] } });
        let item: Item = serde_json::from_value(item).unwrap();
        let (_, listed) = listed(item, "ferrolb-controller");
        assert!(!listed.is_written_by_us);
    }
}
