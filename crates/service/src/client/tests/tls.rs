//! Certificates are verified.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_lite::future::pending;
use http_body_util::Full;
use hyper::HeaderMap;
use hyper::Response;
use hyper::body::Bytes;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tempfile::NamedTempFile;
use tokio::net::TcpListener;
use tokio::task::spawn_local;
use tokio_rustls::TlsAcceptor;

use super::super::{HttpAnswer, HttpClient, HttpError, TargetUrl, TlsError, TrustedRoots};
use super::local;
use crate::http::serve_connection;

/// Starts a server with a certificate for `localhost`; returns its address and the certificate.
async fn tls_server() -> (SocketAddr, NamedTempFile) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key)
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    spawn_local(async move {
        while let Ok((client, _)) = listener.accept().await {
            let Ok(client) = acceptor.accept(client).await else {
                continue;
            };
            let respond = async |_| Response::new(Full::new(Bytes::from_static(b"hello")));
            serve_connection(client, respond, Duration::from_secs(10), pending()).await;
        }
    });
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(cert.pem().as_bytes()).unwrap();
    (address, file)
}

async fn post(url: &str, roots: &TrustedRoots) -> Result<HttpAnswer, HttpError> {
    let client = HttpClient::new(TargetUrl::new(url, true).unwrap(), roots);
    client.post(HeaderMap::new(), Vec::new(), 100).await
}

#[test]
fn only_a_certificate_of_a_trusted_authority_for_the_host_is_accepted() {
    local(async {
        let (address, file) = tls_server().await;
        let trusted = TrustedRoots::of_file(file.path()).unwrap();
        let url = format!("https://localhost:{}/", address.port());
        let answer = post(&url, &trusted).await.unwrap();
        assert_eq!(&answer.body[..], b"hello");
        // The certificate is not for the address.
        let error = post(&format!("https://{address}/"), &trusted)
            .await
            .unwrap_err();
        assert!(error.to_string().contains("certificate"), "{error}");
        // Another authority.
        let error = post(&url, &TrustedRoots::none()).await.unwrap_err();
        assert!(matches!(error, HttpError::Unreachable(_)), "{error}");
        assert!(error.to_string().contains("certificate"), "{error}");
    });
}

#[test]
fn file_without_certificates_is_refused() {
    let file = NamedTempFile::new().unwrap();
    let error = TrustedRoots::of_file(file.path()).unwrap_err();
    assert!(
        error.to_string().contains("it has no certificate"),
        "{error}"
    );
    let missing = TrustedRoots::of_file("no/such/file".as_ref()).unwrap_err();
    assert!(matches!(missing, TlsError::File { .. }));
}
