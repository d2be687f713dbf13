//! Which servers are trusted when they are asked over HTTPS.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// Why nobody can be trusted. Names the file, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// A file that cannot be used.
    #[error("{key} = {}: {cause}: name a file in PEM with the authorities that are trusted", path.display())]
    File {
        /// The key that names it.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        cause: String,
    },
    /// The system has no list of authorities.
    #[error(
        "this system keeps no list of authorities in the usual places: set {key} to a file in PEM with those that are \
         trusted"
    )]
    NoSystemAuthorities {
        /// The key to set.
        key: &'static str,
    },
}

/// Where systems keep the authorities that they trust.
const SYSTEM_FILES: [&str; 4] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// A client that trusts the authorities of this file, or of the system. `key` names the file in the configuration.
///
/// # Errors
/// [`AuthorityError`].
pub fn trust(key: &'static str, file: Option<&Path>) -> Result<Arc<ClientConfig>, AuthorityError> {
    let path = match file {
        Some(file) => file,
        None => SYSTEM_FILES
            .iter()
            .map(Path::new)
            .find(|path| path.is_file())
            .ok_or(AuthorityError::NoSystemAuthorities { key })?,
    };
    let bad = |cause: String| AuthorityError::File { key, path: path.to_owned(), cause };
    let certificates =
        CertificateDer::pem_file_iter(path).map_err(|error| bad(error.to_string()))?;
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        let certificate = certificate.map_err(|error| bad(error.to_string()))?;
        // One that is odd is nobody's whom we talk to; a file of the system may hold such.
        let added = roots.add(certificate);
        if let (Err(error), Some(_)) = (added, file) {
            return Err(bad(error.to_string()));
        }
    }
    if roots.is_empty() {
        return Err(bad("the file holds no certificate".to_owned()));
    }
    Ok(Arc::new(ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}
