//! Files → objects. An error names the file, the document and the field.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use ferrolb_crds::api::{IPAddressPool, L2Advertisement};
use ferrolb_crds::domain::{ObjectId, Problem};
use k8s_openapi::api::core::v1::{Namespace, Node, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::{Resource, ResourceExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use thiserror::Error;

const SUFFIXES: [&str; 3] = ["yaml", "yml", "json"];

/// Fields by which the type was chosen; the types themselves do not read them.
const READ_BEFORE: [&str; 2] = ["apiVersion", "kind"];

/// What the manifests hold of the kinds that matter; other kinds are passed over.
#[derive(Debug, Default)]
pub(super) struct Manifests {
    pub(super) pools: Vec<IPAddressPool>,
    pub(super) adverts: Vec<L2Advertisement>,
    pub(super) services: Vec<Service>,
    pub(super) slices: Vec<EndpointSlice>,
    pub(super) nodes: Vec<Node>,
    pub(super) namespaces: Vec<Namespace>,
    pub(super) problems: Vec<Problem>,
}

/// A manifest that cannot be read.
#[derive(Debug, Error)]
pub(super) enum Unreadable {
    #[error("{}: {source}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("{}: holds no .yaml, .yml or .json file", .0.display())]
    Empty(PathBuf),
    #[error("{}: document {document}: {cause}", path.display())]
    Syntax {
        path: PathBuf,
        document: usize,
        cause: serde_yaml::Error,
    },
    #[error("{}: document {document}: {object}: {field}: {cause}", path.display())]
    Field {
        path: PathBuf,
        document: usize,
        object: String,
        field: String,
        cause: String,
    },
}

/// Where an object stands, for messages.
struct Place<'a> {
    path: &'a Path,
    document: usize,
}

impl Manifests {
    /// Reads files, and all manifests of directories, in the order of their names. Pools and
    /// advertisements count only in the installation's namespace.
    pub(super) fn read(paths: &[PathBuf], namespace: &str) -> Result<Self, Unreadable> {
        let mut all = Self::default();
        for path in paths {
            for file in files(path)? {
                let text = fs::read_to_string(&file).map_err(|source| Unreadable::File {
                    path: file.clone(),
                    source,
                })?;
                all.read_documents(&file, &text)?;
            }
        }
        all.tidy(namespace);
        Ok(all)
    }

    fn read_documents(&mut self, path: &Path, text: &str) -> Result<(), Unreadable> {
        for (at, document) in serde_yaml::Deserializer::from_str(text).enumerate() {
            let place = Place {
                path,
                document: at + 1,
            };
            let value = Value::deserialize(document).map_err(|cause| Unreadable::Syntax {
                path: path.to_owned(),
                document: place.document,
                cause,
            })?;
            self.read_object(value, &place)?;
        }
        Ok(())
    }

    fn read_object(&mut self, object: Value, place: &Place<'_>) -> Result<(), Unreadable> {
        // An empty document, or one of comments only.
        if object.is_null() {
            return Ok(());
        }
        let text = |field: &str| {
            object
                .get(field)
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned()
        };
        let (group_version, kind) = (text("apiVersion"), text("kind"));
        if group_version.is_empty() || kind.is_empty() {
            let field = if group_version.is_empty() {
                "apiVersion"
            } else {
                "kind"
            };
            return Err(place.refuse("object", field, "must be a text that is not empty"));
        }
        match (group_version.as_str(), kind.as_str()) {
            ("metallb.io/v1beta1", "IPAddressPool") => self.pools.push(place.strictly(object)?),
            ("metallb.io/v1beta1", "L2Advertisement") => {
                self.adverts.push(place.strictly(with_spec(object))?);
            }
            ("v1", "Service") => self.services.push(place.leniently(object)?),
            ("v1", "Node") => self.nodes.push(place.leniently(object)?),
            ("v1", "Namespace") => self.namespaces.push(place.leniently(object)?),
            ("discovery.k8s.io/v1", "EndpointSlice") => self.slices.push(place.leniently(object)?),
            ("v1", list) if list.ends_with("List") => {
                let items = object
                    .get("items")
                    .and_then(Value::as_array)
                    .cloned()
                    .unwrap_or_default();
                return items
                    .into_iter()
                    .try_for_each(|item| self.read_object(item, place));
            }
            _ => {}
        }
        Ok(())
    }

    fn tidy(&mut self, namespace: &str) {
        let mut problems = Vec::new();
        default_namespace(&mut self.pools, namespace);
        default_namespace(&mut self.adverts, namespace);
        default_namespace(&mut self.services, "default");
        default_namespace(&mut self.slices, "default");
        elsewhere(&mut self.pools, namespace, &mut problems);
        elsewhere(&mut self.adverts, namespace, &mut problems);
        last_of_each(&mut self.pools, &mut problems);
        last_of_each(&mut self.adverts, &mut problems);
        last_of_each(&mut self.services, &mut problems);
        last_of_each(&mut self.slices, &mut problems);
        last_of_each(&mut self.nodes, &mut problems);
        last_of_each(&mut self.namespaces, &mut problems);
        self.problems = problems;
    }
}

impl Place<'_> {
    /// A resource of ours: a field that we do not know is an error, as `kubectl apply` has it.
    fn strictly<K>(&self, object: Value) -> Result<K, Unreadable>
    where
        K: DeserializeOwned + Resource<DynamicType = ()>,
    {
        let name = name(&object);
        let mut unknown = None;
        let parsed = self.decode(&name, |track| {
            let deserializer = serde_path_to_error::Deserializer::new(object, track);
            serde_ignored::deserialize(deserializer, |field| {
                let field = field.to_string();
                if !READ_BEFORE.contains(&field.as_str()) {
                    unknown.get_or_insert(field);
                }
            })
        });
        match unknown {
            Some(field) if parsed.is_ok() => Err(self.refuse(&name, &field, "unknown field")),
            _ => parsed,
        }
    }

    /// A resource of Kubernetes: newer versions may have fields that we do not know.
    fn leniently<K>(&self, object: Value) -> Result<K, Unreadable>
    where
        K: DeserializeOwned + Resource<DynamicType = ()>,
    {
        self.decode(&name(&object), |track| {
            K::deserialize(serde_path_to_error::Deserializer::new(object, track))
        })
    }

    fn decode<K: Resource<DynamicType = ()>>(
        &self,
        name: &str,
        decode: impl FnOnce(&mut serde_path_to_error::Track) -> Result<K, serde_json::Error>,
    ) -> Result<K, Unreadable> {
        let mut track = serde_path_to_error::Track::new();
        let object = decode(&mut track)
            .map_err(|cause| self.refuse(name, &track.path().to_string(), &cause.to_string()))?;
        match object.meta().name.as_deref() {
            None | Some("") => Err(self.refuse(name, "metadata.name", "must not be empty")),
            Some(_) => Ok(object),
        }
    }

    fn refuse(&self, object: &str, field: &str, cause: &str) -> Unreadable {
        Unreadable::Field {
            path: self.path.to_owned(),
            document: self.document,
            object: object.to_owned(),
            field: field.to_owned(),
            cause: cause.to_owned(),
        }
    }
}

/// An advertisement may do without `spec`; the API server fills in an empty one.
fn with_spec(mut advert: Value) -> Value {
    if let Some(fields) = advert.as_object_mut() {
        fields.entry("spec").or_insert_with(|| json!({}));
    }
    advert
}

/// Kind and name as far as they can be read.
fn name(object: &Value) -> String {
    let kind = object.get("kind").and_then(Value::as_str).unwrap_or_default();
    let name = object.pointer("/metadata/name").and_then(Value::as_str);
    name.map_or_else(|| kind.to_owned(), |name| format!("{kind} {name}"))
}

fn files(path: &Path) -> Result<Vec<PathBuf>, Unreadable> {
    let refuse = |source| Unreadable::File {
        path: path.to_owned(),
        source,
    };
    if !fs::metadata(path).map_err(refuse)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let is_manifest = |file: &PathBuf| {
        let suffix = file.extension().and_then(|suffix| suffix.to_str());
        file.is_file() && suffix.is_some_and(|suffix| SUFFIXES.contains(&suffix))
    };
    let entries = fs::read_dir(path)
        .map_err(refuse)?
        .collect::<Result<Vec<_>, _>>()
        .map_err(refuse)?;
    let mut files: Vec<PathBuf> = entries
        .into_iter()
        .map(|entry| entry.path())
        .filter(is_manifest)
        .collect();
    files.sort();
    if files.is_empty() {
        Err(Unreadable::Empty(path.to_owned()))
    } else {
        Ok(files)
    }
}

fn default_namespace<K: Resource>(objects: &mut [K], namespace: &str) {
    for object in objects {
        object
            .meta_mut()
            .namespace
            .get_or_insert_with(|| namespace.to_owned());
    }
}

fn id<K: Resource<DynamicType = ()>>(object: &K) -> ObjectId {
    ObjectId::new(
        &K::kind(&()),
        object.namespace().unwrap_or_default(),
        object.name_any(),
    )
}

/// Takes out what is in another namespace: nobody reads it there.
fn elsewhere<K: Resource<DynamicType = ()>>(
    objects: &mut Vec<K>,
    namespace: &str,
    problems: &mut Vec<Problem>,
) {
    objects.retain(|object| {
        let here = object.namespace().as_deref() == Some(namespace);
        if !here {
            let message = format!("metadata.namespace: is not \"{namespace}\", so nobody reads it");
            problems.push(Problem::new(id(object), message));
        }
        here
    });
}

/// Where an object stands twice, the last one counts, as when the manifests are applied in order.
fn last_of_each<K: Resource<DynamicType = ()>>(objects: &mut Vec<K>, problems: &mut Vec<Problem>) {
    let mut last: BTreeMap<ObjectId, usize> = BTreeMap::new();
    for (at, object) in objects.iter().enumerate() {
        if last.insert(id(object), at).is_some() {
            problems.push(Problem::new(
                id(object),
                "stands more than once; the last one counts",
            ));
        }
    }
    let mut at = 0;
    objects.retain(|object| {
        at += 1;
        last.get(&id(object)) == Some(&(at - 1))
    });
}
