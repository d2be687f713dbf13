//! A broker with TLS, its files, and clients of it.

use std::io::{self, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::{fs, iter};

use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use tempfile::TempDir;

use super::authority::{Authority, Issued, Validity};
use crate::support::{Broker, ClientStream, Login, RawClient, with_guards};

/// The host that the server's certificate names.
pub(crate) const HOST: &str = "localhost";

/// A connection of a client that knows what it does.
pub(crate) type TlsStream = StreamOwned<ClientConnection, TcpStream>;

/// A folder with the certificates of one test, and the authority behind them.
pub(crate) struct Files {
    pub(crate) folder: TempDir,
    pub(crate) authority: Authority,
}

impl Files {
    /// A server with a good certificate.
    pub(crate) fn new() -> Self {
        let files =
            Self { folder: TempDir::new().expect("a folder"), authority: Authority::new("CA") };
        files.put_server(&files.authority.server(HOST, Validity::Good));
        files.put("ca.pem", &files.authority.pem);
        files
    }

    pub(crate) fn put_server(&self, server: &Issued) {
        self.put("server.pem", &server.pem);
        self.put("server.key", &server.key_pem);
    }

    pub(crate) fn put(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).expect("a file");
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The lines of a configuration with TLS on a free port, and these besides.
    pub(crate) fn lines(&self, more: &[&str]) -> Vec<String> {
        let file =
            |key: &str, name: &str| format!("ssl_options.{key} = {}", self.path(name).display());
        let own = [
            "listeners.ssl.default = 0".to_owned(),
            file("certfile", "server.pem"),
            file("keyfile", "server.key"),
            file("cacertfile", "ca.pem"),
        ];
        own.into_iter().chain(more.iter().map(|line| (*line).to_owned())).collect()
    }

    pub(crate) fn broker(&self, more: &[&str]) -> Broker {
        let lines = self.lines(more);
        Broker::start(&lines.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// A client that trusts the authority.
    pub(crate) fn trusting(&self) -> Client<'_> {
        Client { trusts: &self.authority, host: HOST, shows: Vec::new(), key: None }
    }
}

/// A client before it connects.
pub(crate) struct Client<'a> {
    trusts: &'a Authority,
    /// The host that it believes to connect to.
    host: &'static str,
    shows: Vec<CertificateDer<'static>>,
    key: Option<&'a Issued>,
}

impl<'a> Client<'a> {
    /// Trusts another authority.
    pub(crate) fn who_trusts(self, trusts: &'a Authority) -> Self {
        Self { trusts, ..self }
    }

    /// Believes to connect to this host.
    pub(crate) fn bound_for(self, host: &'static str) -> Self {
        Self { host, ..self }
    }

    /// Has this certificate.
    pub(crate) fn with(self, own: &'a Issued) -> Self {
        Self { shows: vec![own.der.clone()], key: Some(own), ..self }
    }

    /// Shows this one behind its own.
    pub(crate) fn and(mut self, intermediate: &Authority) -> Self {
        self.shows.push(intermediate.der.clone());
        self
    }

    /// Connects and shakes hands; what the client has against the server, or the server against it.
    pub(crate) fn connect(self, port: u16) -> io::Result<TlsStream> {
        let stream = TcpStream::connect(("127.0.0.1", port)).expect("the broker listens");
        self.over(with_guards(stream))
    }

    pub(crate) fn over(self, mut stream: TcpStream) -> io::Result<TlsStream> {
        let mut roots = RootCertStore::empty();
        roots.add(self.trusts.der.clone()).expect("an authority");
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions of this library")
            .with_root_certificates(roots);
        let config = match self.key {
            None => config.with_no_client_auth(),
            Some(own) => config.with_client_auth_cert(self.shows, own.key()).expect("a good pair"),
        };
        let host = ServerName::try_from(self.host).expect("a name");
        let mut connection =
            ClientConnection::new(Arc::new(config), host).map_err(io::Error::other)?;
        while connection.is_handshaking() {
            connection.complete_io(&mut stream)?;
        }
        Ok(StreamOwned::new(connection, stream))
    }

    /// Connects and logs in.
    pub(crate) fn login(self, port: u16, login: &Login) -> RawClient {
        let stream = self.connect(port).expect("a good handshake");
        let mut client = RawClient::over(ClientStream::Tls(Box::new(stream)));
        client.handshake(login);
        client
    }
}

/// What becomes of a connection whose client certificate is not taken. With TLS 1.3 the client has
/// finished before the server has looked at it, and hears of it with its first read.
pub(crate) fn refusal(connected: io::Result<TlsStream>) -> String {
    let refused = connected.and_then(|mut stream| {
        // The alert may be there before this is written.
        let _ = stream.write_all(b"AMQP\x00\x00\x09\x01");
        io::Read::read(&mut stream, &mut [0; 8])
    });
    refused.expect_err("the server refuses it").to_string()
}

/// Whatever is asked for, once and again, until it is there.
pub(crate) fn until<T>(look: impl FnMut() -> Option<T>) -> T {
    let mut found = iter::repeat_with(look).take(LOOKS).flatten();
    found.next().expect("it comes at last")
}

/// Each look is a whole TLS handshake, so these are many seconds.
const LOOKS: usize = 2_000;
