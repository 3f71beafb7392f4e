//! The certificate that is served: made at the start, or read from a folder and exchanged when it changes there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio::sync::watch;
use tokio::time::sleep;

/// The name in a certificate that the process makes for itself. Nobody can check it.
const OWN_NAME: &str = "ferrolb";
/// How often the folder is looked at. A Secret reaches a pod within a minute or so anyway.
const LOOK: Duration = Duration::from_secs(5);

/// Why a certificate cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file is missing or cannot be read.
    #[error("cannot read {}", file.display())]
    Read {
        /// Which file.
        file: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A file is not in PEM form.
    #[error("cannot use {file}")]
    Pem {
        /// Its name in the folder.
        file: &'static str,
        /// What is wrong.
        source: pem::Error,
    },
    /// The key is of no known kind, or not that of the certificate.
    #[error("cannot use the certificate with its key")]
    Pair(#[from] rustls::Error),
    /// The process cannot make one for itself.
    #[error("cannot make a certificate")]
    Make(#[from] rcgen::Error),
}

const CHAIN: &str = "tls.crt";
const KEY: &str = "tls.key";

/// Gives each connection the certificate of now.
#[derive(Debug)]
pub(super) struct Current(watch::Receiver<Arc<CertifiedKey>>);

impl ResolvesServerCert for Current {
    fn resolve(&self, _hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.borrow().clone())
    }
}

/// The certificate of the folder, followed as long as somebody is served by it. Without a folder, and until there is one in
/// it that can be used, a self-signed one: no address shall suffer from a certificate of metrics.
///
/// # Errors
/// The process cannot make one for itself.
pub(super) fn serve(folder: Option<&Path>) -> Result<Current, CertificateError> {
    let (current, served) = watch::channel(Arc::new(self_signed()?));
    if let Some(folder) = folder {
        let mut follower = Follower {
            folder: folder.to_owned(),
            current,
            seen: None,
            complaint: None,
        };
        follower.look();
        tokio::spawn(follower.run());
    }
    Ok(Current(served))
}

fn self_signed() -> Result<CertifiedKey, CertificateError> {
    let made = rcgen::generate_simple_self_signed([OWN_NAME.to_owned()])?;
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let provider = ring::default_provider();
    Ok(CertifiedKey::from_der(
        vec![made.cert.der().clone()],
        key.into(),
        &provider,
    )?)
}

/// Both files, as they were read.
#[derive(PartialEq)]
struct Files {
    chain: Vec<u8>,
    key: Vec<u8>,
}

impl Files {
    fn read(folder: &Path) -> Result<Self, CertificateError> {
        let read = |name: &str| {
            let file = folder.join(name);
            std::fs::read(&file).map_err(|source| CertificateError::Read { file, source })
        };
        Ok(Self {
            chain: read(CHAIN)?,
            key: read(KEY)?,
        })
    }

    fn certificate(&self) -> Result<CertifiedKey, CertificateError> {
        let wrong = |file| move |source| CertificateError::Pem { file, source };
        let chain: Vec<_> = CertificateDer::pem_slice_iter(&self.chain)
            .collect::<Result<_, _>>()
            .map_err(wrong(CHAIN))?;
        if chain.is_empty() {
            return Err(wrong(CHAIN)(pem::Error::NoItemsFound));
        }
        let key = PrivateKeyDer::from_pem_slice(&self.key).map_err(wrong(KEY))?;
        Ok(CertifiedKey::from_der(chain, key, &ring::default_provider())?)
    }
}

/// Looks at the folder again and again, and exchanges what is served.
struct Follower {
    folder: PathBuf,
    current: watch::Sender<Arc<CertifiedKey>>,
    seen: Option<Files>,
    complaint: Option<String>,
}

impl Follower {
    async fn run(mut self) {
        while !self.current.is_closed() {
            sleep(LOOK).await;
            self.look();
        }
    }

    /// Serves what is in the folder if it is new and can be used. A Secret's files are exchanged one by one where nobody
    /// uses links for it, so a pair that does not fit is looked at again.
    fn look(&mut self) {
        match self.exchange() {
            Ok(()) => self.complaint = None,
            Err(error) => {
                let error = crate::cause::chain(&error);
                if self.complaint.as_ref() != Some(&error) {
                    tracing::warn!(folder = %self.folder.display(), %error, "the certificate of the metrics stays as it is");
                    self.complaint = Some(error);
                }
            }
        }
    }

    fn exchange(&mut self) -> Result<(), CertificateError> {
        let files = Files::read(&self.folder)?;
        if self.seen.as_ref() == Some(&files) {
            return Ok(());
        }
        self.current.send_replace(Arc::new(files.certificate()?));
        self.seen = Some(files);
        tracing::info!(folder = %self.folder.display(), "the metrics have a certificate of the folder");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A certificate and its key, as they lie in the folder.
    fn made(name: &str) -> Files {
        let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
        Files {
            chain: made.cert.pem().into_bytes(),
            key: made.signing_key.serialize_pem().into_bytes(),
        }
    }

    fn lay(folder: &Path, files: &Files) {
        std::fs::write(folder.join(CHAIN), &files.chain).unwrap();
        std::fs::write(folder.join(KEY), &files.key).unwrap();
    }

    fn served(current: &Current) -> CertificateDer<'static> {
        current.0.borrow().cert[0].clone()
    }

    fn first(files: &Files) -> CertificateDer<'static> {
        files.certificate().unwrap().cert[0].clone()
    }

    #[tokio::test(start_paused = true)]
    async fn an_exchanged_certificate_is_served_and_one_that_cannot_be_used_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let mut current = serve(Some(folder.path())).unwrap();
        let own = served(&current);
        let (one, other) = (made("one"), made("other"));
        let half = Files {
            chain: other.chain.clone(),
            key: one.key.clone(),
        };
        lay(folder.path(), &one);
        current.0.changed().await.unwrap();
        assert_eq!(served(&current), first(&one));
        assert_ne!(served(&current), own);
        lay(folder.path(), &half);
        sleep(LOOK * 2).await;
        assert_eq!(
            served(&current),
            first(&one),
            "the key is not that of the certificate"
        );
        lay(folder.path(), &other);
        current.0.changed().await.unwrap();
        assert_eq!(served(&current), first(&other));
    }

    #[tokio::test]
    async fn a_certificate_that_is_there_is_served_from_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let files = made("early");
        lay(folder.path(), &files);
        assert_eq!(served(&serve(Some(folder.path())).unwrap()), first(&files));
    }

    #[test]
    fn what_is_wrong_is_said_with_the_file() {
        let said = |files: &Files| files.certificate().unwrap_err().to_string();
        let mut files = made("n1");
        files.chain = b"no certificate".to_vec();
        assert_eq!(said(&files), "cannot use tls.crt");
        files = made("n1");
        files.key.clear();
        assert_eq!(said(&files), "cannot use tls.key");
        let missing = Files::read(Path::new("/nowhere")).err().unwrap();
        assert_eq!(missing.to_string(), "cannot read /nowhere/tls.crt");
    }
}
