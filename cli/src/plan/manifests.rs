//! Files → objects, as kubectl and the API server read them. What cannot be read is a fault that names file, document, line and
//! field, and stops nothing else.

mod annotations;
mod decode;
mod files;
mod kinds;
mod node;
mod refused;
mod scalar;
mod schema;
mod stream;
mod text;
mod tidy;
mod yaml;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use k8s_openapi::api::core::v1::{Namespace, Node as KubernetesNode, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Resource;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::objects::{Objects, id};
use crate::problem::{ObjectId, Problem};
pub(crate) use decode::Fault;
use decode::Place;
use files::Source;
pub(crate) use kinds::{GROUP, group, is_unread, why_unread};
use kinds::{Kind, kind};
use node::{Content, Node, Remark};
use schema::Schema;
use yaml::Parsed;

/// What the manifests hold of the kinds that matter; other kinds are passed over.
#[derive(Debug, Default)]
pub(crate) struct Manifests {
    pub(crate) objects: Objects,
    /// Objects of other kinds, as they stand there.
    pub(crate) beside: Vec<Value>,
    pub(crate) problems: Vec<Problem>,
    /// What could not be read.
    pub(crate) faults: Vec<Fault>,
    /// Files of folders that hold no objects of Kubernetes.
    pub(crate) passed_over: Vec<PathBuf>,
}

impl Manifests {
    /// Reads files, and all manifests of folders. Pools and advertisements count only in the installation's namespace.
    pub(crate) fn read(paths: &[PathBuf], namespace: &str) -> Self {
        let mut reader = Reader::default();
        let mut all = Self::default();
        for path in paths {
            let sources = files::read(path, &mut all.faults);
            let before = (reader.objects, all.faults.len(), all.passed_over.len());
            sources.iter().for_each(|source| reader.file(source, &mut all));
            if before == (reader.objects, all.faults.len(), all.passed_over.len()) {
                all.faults.push(Fault::of_file(path, "holds no object"));
            }
        }
        all.tidy(namespace);
        all
    }
}

/// Reads objects, by the schemas of their kinds.
#[derive(Default)]
struct Reader {
    schemas: BTreeMap<(&'static str, &'static str), Schema>,
    /// Objects seen so far, of whatever kind.
    objects: usize,
}

impl Reader {
    fn file(&mut self, source: &Source, all: &mut Manifests) {
        let documents = stream::documents(&source.text);
        let mut roots = Vec::new();
        for (at, document) in documents.into_iter().enumerate() {
            let place = Place {
                path: &source.path,
                document: at + 1,
            };
            match document.and_then(|document| yaml::parse(&document.text, document.line)) {
                Ok(Parsed { root, oddities }) => {
                    let root = root.filter(|root| !root.is_null());
                    roots.extend(root.map(|root| (place, root, oddities)));
                }
                Err(Remark { line, what }) => all.faults.push(place.fault(line, None, what)),
            }
        }
        let is_object = |root: &Node| root.get("apiVersion").is_some();
        if !source.named && !roots.is_empty() && !roots.iter().any(|(_, root, _)| is_object(root)) {
            all.passed_over.push(source.path.clone());
            return;
        }
        for (place, root, oddities) in roots {
            let of = named(&root, &source.path);
            let odd = |one: Remark| Problem::new(of.clone(), format!("line {}: {}", one.line, one.what));
            all.problems.extend(oddities.into_iter().map(odd));
            self.object(&root, place, all);
        }
    }

    fn object(&mut self, object: &Node, place: Place<'_>, all: &mut Manifests) {
        if !matches!(object.content, Content::Mapping(_)) {
            let cause = format!("must be an object, not {}", object.described());
            return all.faults.push(place.fault(object.line, None, cause));
        }
        if let Some(items) = object.list("items") {
            return self.list(object, items, place, all);
        }
        let kind = match kind(object) {
            Ok(kind) => kind,
            Err(cause) => return all.faults.push(place.fault(object.line, Some(object), cause)),
        };
        self.objects += 1;
        let Manifests {
            objects,
            problems,
            faults,
            beside,
            ..
        } = all;
        if matches!(kind, Kind::Unread | Kind::Other) {
            beside.push(object.to_json());
        }
        let mut of = Reading {
            place,
            problems,
            faults,
        };
        match kind {
            Kind::Pool => of.push(&mut objects.pools, self.ours("IPAddressPool"), object),
            Kind::Advert => of.push(&mut objects.adverts, self.ours("L2Advertisement"), object),
            Kind::Peer => of.push(&mut objects.bgp.peers, self.ours_of("BGPPeer", "v1beta2"), object),
            Kind::OldPeer => of.push(&mut objects.bgp.peers, self.ours("BGPPeer"), object),
            Kind::BgpAdvert => of.push(&mut objects.bgp.adverts, self.ours("BGPAdvertisement"), object),
            Kind::Profile => of.push(&mut objects.bgp.profiles, self.ours("BFDProfile"), object),
            Kind::Community => of.push(&mut objects.bgp.communities, self.ours("Community"), object),
            Kind::Service => of.push(&mut objects.services, self.built_in::<Service>(), object),
            Kind::Slice => of.push(&mut objects.slices, self.built_in::<EndpointSlice>(), object),
            Kind::Node => of.push(&mut objects.nodes, self.built_in::<KubernetesNode>(), object),
            Kind::Namespace => of.push(&mut objects.namespaces, self.built_in::<Namespace>(), object),
            Kind::Unread => {
                let why = why_unread(object.text("kind").unwrap_or_default());
                problems.push(Problem::new(named(object, place.path), why));
            }
            Kind::Other => {}
        }
    }

    /// The items of a list. Those of a list of one kind need not name it.
    fn list(&mut self, list: &Node, items: &[Node], place: Place<'_>, all: &mut Manifests) {
        if let Some(cause) = ["apiVersion", "kind"]
            .iter()
            .find(|field| list.text(field).is_none_or(str::is_empty))
        {
            let cause = format!("{cause}: must be a text that is not empty");
            return all.faults.push(place.fault(list.line, Some(list), cause));
        }
        let of_list = list.text("kind").and_then(|kind| kind.strip_suffix("List"));
        for item in items {
            if item.list("items").is_some() {
                all.faults
                    .push(place.fault(item.line, Some(item), "kubectl reads no list within a list"));
                continue;
            }
            let mut item = item.clone();
            if let (Content::Mapping(fields), Some(of_list)) = (&mut item.content, of_list)
                && !fields.contains_key("kind")
                && !fields.contains_key("apiVersion")
            {
                let text = |text: &str| Node::new(item.line, Content::Scalar(Value::String(text.to_owned())));
                fields.insert("kind".to_owned(), text(of_list));
                fields.insert(
                    "apiVersion".to_owned(),
                    text(list.text("apiVersion").unwrap_or_default()),
                );
            }
            self.object(&item, place, all);
        }
    }

    fn ours(&mut self, kind: &'static str) -> &Schema {
        self.ours_of(kind, "v1beta1")
    }

    fn ours_of(&mut self, kind: &'static str, version: &'static str) -> &Schema {
        let schema = self.schemas.entry((kind, version));
        schema.or_insert_with(|| Schema::of_definition(kind, version))
    }

    fn built_in<K: k8s_openapi::Resource + JsonSchema>(&mut self) -> &Schema {
        let schema = self.schemas.entry((K::KIND, K::VERSION));
        schema.or_insert_with(Schema::built_in::<K>)
    }
}

/// Where the objects of a document go, apart from those that can be used.
struct Reading<'a> {
    place: Place<'a>,
    problems: &'a mut Vec<Problem>,
    faults: &'a mut Vec<Fault>,
}

impl Reading<'_> {
    fn push<K>(&mut self, all: &mut Vec<K>, schema: &Schema, object: &Node)
    where
        K: DeserializeOwned + Resource<DynamicType = ()>,
    {
        match self.place.decode::<K>(schema, object) {
            Ok((decoded, value)) => {
                let of = id(&decoded);
                let messages = refused::by_the_api_server(&of.kind, &value)
                    .into_iter()
                    .chain(annotations::unknown(&of.kind, &value));
                self.problems
                    .extend(messages.map(|message| Problem::new(of.clone(), message)));
                all.push(decoded);
            }
            Err(faults) => self.faults.extend(faults),
        }
    }
}

/// The object as it is called in problems; the file if it has no name.
fn named(object: &Node, path: &Path) -> ObjectId {
    let metadata = |field| object.get("metadata").and_then(|metadata| metadata.text(field));
    match (object.text("kind"), metadata("name")) {
        (Some(kind), Some(name)) => ObjectId::new(kind, metadata("namespace").unwrap_or_default(), name),
        (kind, _) => ObjectId::new(kind.unwrap_or("File"), "", path.display().to_string()),
    }
}
