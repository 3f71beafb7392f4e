//! Metrics over TLS: which accounts may read them, and which certificate is served.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

use ferrolb_lab::command::{USUAL, text};
use ferrolb_lab::suite::Outcome;
use ferrolb_lab::{Lab, Result, wait};
use serde_json::Value;

use crate::prometheus::{endpoints, token_of_prometheus};
use crate::scene::PODS;

/// In the certificates of this trial.
const NAME: &str = "metrics.example";
const SECRET: [&str; 4] = ["secret", "ferrolb-metrics-tls", "-n", "metallb-system"];

/// The metrics address of each controller and speaker once those of the last rollout are gone.
pub(super) fn endpoints_alone(lab: &Lab) -> Result<BTreeMap<String, String>> {
    let expected = 2 + lab.plan().nodes().count();
    wait::until_seen("the pods of before to be gone", PODS, || {
        let found = endpoints(lab)?;
        Ok(if found.len() == expected {
            Ok(found)
        } else {
            Err(format!("{found:?}"))
        })
    })
}

/// What curl on the first client says of a path; `more` are further arguments.
fn curl(lab: &Lab, url: &str, more: &[&str]) -> Result<String> {
    let usual = [
        "curl",
        "-s",
        "-m",
        "5",
        "-o",
        "/dev/null",
        "-w",
        "%{http_code}",
        url,
    ];
    lab.client(&[&usual[..], more].concat())
}

pub(super) fn only_with_the_right(lab: &Lab, targets: &BTreeMap<String, String>) -> Outcome {
    let with = |token: &str| format!("Authorization: Bearer {token}");
    let right = with(&token_of_prometheus(lab)?);
    let account = lab.kubectl(&["create", "token", "default", "-n", "default"])?;
    let wrong = with(account.trim());
    for (pod, endpoint) in targets {
        let url = |path: &str| format!("https://{endpoint}{path}");
        let status = |path: &str, more: &[&str]| curl(lab, &url(path), &[&["-k"], more].concat());
        assert_eq!(status("/healthz", &[])?, "200", "{pod}: the kubelet has no token");
        assert_eq!(status("/readyz", &[])?, "200", "{pod}");
        assert_eq!(status("/metrics", &[])?, "401", "{pod}");
        assert_eq!(status("/metrics", &["-H", &with("forged")])?, "401", "{pod}");
        assert_eq!(status("/metrics", &["-H", &wrong])?, "403", "{pod}");
        assert_eq!(status("/metrics", &["-H", &right])?, "200", "{pod}");
        let plain = curl(lab, &format!("http://{endpoint}/metrics"), &[]);
        assert!(plain.is_err(), "{pod} answers without TLS: {plain:?}");
    }
    Ok(())
}

/// A certificate of its own making.
struct Made {
    chain: PathBuf,
    key: PathBuf,
}

impl Made {
    fn new(folder: &Path) -> Result<Self> {
        let (chain, key) = (folder.join("tls.crt"), folder.join("tls.key"));
        let mut openssl = Command::new("openssl");
        openssl
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
            ])
            .args(["-days", "2", "-subj", &format!("/CN={NAME}")])
            .args(["-addext", &format!("subjectAltName=DNS:{NAME}")]);
        openssl.arg("-out").arg(&chain).arg("-keyout").arg(&key);
        text(&mut openssl, USUAL)?;
        Ok(Self { chain, key })
    }

    /// Puts it into the Secret in place of what is there.
    fn lay(&self, lab: &Lab) -> Result<()> {
        lab.kubectl(&[&["delete", "--ignore-not-found"], &SECRET[..]].concat())?;
        let (chain, key) = (
            format!("--cert={}", self.chain.display()),
            format!("--key={}", self.key.display()),
        );
        let [kind, name, ..] = SECRET;
        lab.kubectl(&["create", kind, "tls", name, "-n", "metallb-system", &chain, &key])?;
        // The kubelet looks after the volumes of a pod when the pod changes, and else once a minute.
        let at = format!(
            "tests.example/at={}",
            self.chain.display().to_string().replace('/', ".")
        );
        let annotate = [
            "annotate",
            "pods",
            "-n",
            "metallb-system",
            "-l",
            "app=metallb",
            "--overwrite",
            &at,
        ];
        lab.kubectl(&annotate).map(drop)
    }

    /// Waits until every daemon is served with it, by a client that trusts no other.
    fn served(&self, lab: &Lab, targets: &BTreeMap<String, String>) -> Result<()> {
        let chain = self.chain.to_string_lossy();
        for (pod, endpoint) in targets {
            let to = format!("{NAME}:9120:{endpoint}");
            let url = format!("https://{NAME}:9120/healthz");
            wait::until_seen(&format!("{pod} to have the new certificate"), PODS, || {
                let seen = curl(lab, &url, &["--cacert", &chain, "--connect-to", &to]);
                Ok(match seen {
                    Ok(status) if status == "200" => Ok(()),
                    other => Err(format!("{other:?}")),
                })
            })?;
        }
        Ok(())
    }
}

/// Pods and how often each was started again.
fn starts(lab: &Lab) -> Result<BTreeSet<String>> {
    let pods = lab.json(&["get", "pods", "-n", "metallb-system", "-l", "app=metallb"])?;
    let start = |pod: &Value| {
        format!(
            "{} {}",
            pod["metadata"]["name"], pod["status"]["containerStatuses"][0]["restartCount"]
        )
    };
    Ok(pods["items"]
        .as_array()
        .into_iter()
        .flatten()
        .map(start)
        .collect())
}

/// From the self-signed certificate to that of a Secret, and to the next one.
pub(super) fn exchanged(lab: &Lab, targets: &BTreeMap<String, String>) -> Outcome {
    let before = starts(lab)?;
    for _ in 0..2 {
        let folder = tempfile::tempdir()?;
        let made = Made::new(folder.path())?;
        made.lay(lab)?;
        made.served(lab, targets)?;
    }
    assert_eq!(starts(lab)?, before, "without a restart");
    lab.kubectl(&[&["delete"], &SECRET[..]].concat())?;
    Ok(())
}
