//! Keys: one CA, the API server's certificates, the service-account key, a token and a kubeconfig per identity.

use std::fs::{self, File};
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

use crate::error::{Doing, Error, Result};
use crate::plan::{FIRST_SERVICE, Machine, Plan};
use crate::state::State;

/// The user and the group of each kubeconfig.
struct Identity {
    file: String,
    user: String,
    group: &'static str,
}

/// Groups of a part of an implementation under test: it may do everything, and is counted.
const PART: &str = "system:masters,system:serviceaccounts:metallb-system";

/// The user that a pod of this part would be.
pub(crate) fn account(part: &str) -> String {
    format!("system:serviceaccount:metallb-system:{part}")
}

/// Writes everything below the lab's `pki` folder.
pub(crate) fn write(plan: &Plan, state: &State) -> Result<()> {
    let (ca, issuer) = authority().map_err(|failed| crypto(&failed))?;
    put(state, "ca.crt", &ca)?;
    issue(state, &issuer, "apiserver", serving())?;
    issue(state, &issuer, "kubelet-client", kubelet_client())?;
    let service_accounts = KeyPair::generate().map_err(|failed| crypto(&failed))?;
    put(state, "sa.key", &service_accounts.serialize_pem())?;
    put(state, "sa.pub", &service_accounts.public_key_pem())?;
    tokens(plan, state)
}

fn crypto(failed: &rcgen::Error) -> Error {
    Error::Refused(format!("cannot make a key: {failed}"))
}

fn put(state: &State, file: &str, text: &str) -> Result<()> {
    let path = state.pki(file);
    fs::write(&path, text).doing(|| format!("write {}", path.display()))
}

fn authority() -> std::result::Result<(String, Issuer<'static, KeyPair>), rcgen::Error> {
    let mut ca = named("lab-ca", None);
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let key = KeyPair::generate()?;
    let certificate = ca.self_signed(&key)?.pem();
    Ok((certificate, Issuer::new(ca, key)))
}

fn named(name: &str, group: Option<&str>) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    if let Some(group) = group {
        params.distinguished_name.push(DnType::OrganizationName, group);
    }
    params
}

fn serving() -> CertificateParams {
    let mut params = named("kube-apiserver", None);
    let machine = Machine::ControlPlane;
    let own = [
        machine.ipv4().into(),
        machine.ipv6().into(),
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(Ipv6Addr::LOCALHOST),
    ];
    let addresses = own.into_iter().chain(FIRST_SERVICE).map(SanType::IpAddress);
    let service = [
        "kubernetes",
        "kubernetes.default",
        "kubernetes.default.svc",
        "kubernetes.default.svc.cluster.local",
    ];
    let names = service.map(|name| SanType::DnsName(name.try_into().expect("an ASCII name")));
    params.subject_alt_names = addresses.chain(names).collect();
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params
}

fn kubelet_client() -> CertificateParams {
    let mut params = named("kube-apiserver-kubelet-client", Some("system:masters"));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn issue(state: &State, issuer: &Issuer<'_, KeyPair>, name: &str, params: CertificateParams) -> Result<()> {
    let key = KeyPair::generate().map_err(|failed| crypto(&failed))?;
    let certificate = params.signed_by(&key, issuer).map_err(|failed| crypto(&failed))?;
    put(state, &format!("{name}.crt"), &certificate.pem())?;
    put(state, &format!("{name}.key"), &key.serialize_pem())
}

fn identities(plan: &Plan) -> Vec<Identity> {
    let person = |file: &str, user: &str, group| Identity {
        file: file.into(),
        user: user.into(),
        group,
    };
    let mut all = vec![
        person("admin", "admin", "system:masters"),
        person(
            "kube-controller-manager",
            "system:kube-controller-manager",
            "system:authenticated",
        ),
        // all rights, in the names by which the audit log counts
        person("controller", &account("controller"), PART),
        person("speaker", &account("speaker"), PART),
        person("kube-scheduler", "system:kube-scheduler", "system:authenticated"),
        person("kube-proxy", "system:kube-proxy", "system:node-proxier"),
    ];
    all.extend(plan.nodes().map(|i| Identity {
        file: Machine::Node(i).short_name(),
        user: format!("system:node:{}", plan.full_name(Machine::Node(i))),
        group: "system:nodes",
    }));
    all
}

fn tokens(plan: &Plan, state: &State) -> Result<()> {
    let mut table = String::new();
    for Identity { file, user, group } in identities(plan) {
        let token = random_token()?;
        table.push_str(&format!("{token},{user},{user},\"{group}\"\n"));
        put(state, &format!("{file}.kubeconfig"), &kubeconfig(&token))?;
    }
    put(state, "tokens.csv", &table)
}

fn random_token() -> Result<String> {
    let mut bytes = [0; 16];
    let read = File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut bytes));
    read.doing(|| "read /dev/urandom".into())?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// The CA is named relative to the file itself: a node sees the folder under another path.
fn kubeconfig(token: &str) -> String {
    let server = format!("https://{}:6443", Machine::ControlPlane.ipv4());
    serde_json::json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "lab", "cluster": {"server": server, "certificate-authority": "ca.crt"}}],
        "users": [{"name": "me", "user": {"token": token}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "me"}}],
        "current-context": "lab",
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_node_has_an_identity_of_its_own() {
        let plan = Plan::new("dev", 2, 1).unwrap();
        let nodes: Vec<_> = identities(&plan)
            .into_iter()
            .filter(|who| who.group == "system:nodes")
            .collect();
        let users: Vec<_> = nodes.iter().map(|who| who.user.as_str()).collect();
        assert_eq!(users, ["system:node:fl-dev-n1", "system:node:fl-dev-n2"]);
    }

    #[test]
    fn two_tokens_differ() {
        assert_ne!(random_token().unwrap(), random_token().unwrap());
    }
}
