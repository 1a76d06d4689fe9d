//! Requests for reports.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use futures_lite::future::zip;
use rehearsal_worker::model::{ImageDigest, Mode, ScanReport, ScheduleId, TenantId};
use rehearsal_worker::ports::{ScanRequest, Scanner, ScannerError};
use secrecy::SecretString;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::time::timeout;

use super::super::resolver::CheckedResolver;
use super::super::{HttpClient, HttpScanner, ScannerOptions, TargetUrl, TrustedRoots};
use super::{ScriptedServer, local};
use crate::log::LogFormat;
use crate::log::tests::logged;

const IMAGE: ImageDigest = ImageDigest::new([7; 32]);
const TOKEN: &str = "planted-token";

fn scanner(client: HttpClient) -> HttpScanner {
    let options = ScannerOptions {
        token: Some(SecretString::from(TOKEN)),
        max_report_bytes: 1_000,
    };
    HttpScanner::new(client, &options).unwrap()
}

async fn report(scanner: &HttpScanner) -> Result<ScanReport, ScannerError> {
    let request = ScanRequest {
        tenant: &TenantId::from("acme"),
        schedule: &ScheduleId::from("nightly"),
        rate_per_second: None,
        image: &IMAGE,
        mode: Mode::AnalysisOnly,
        delivery: 5,
        attempt: 2,
        permit: None,
    };
    scanner.report(&request).await
}

/// Report of an image whose findings are neither ordered nor unique.
fn body(image: &ImageDigest) -> String {
    let finding = |name: &str| {
        format!(
            "{{\"vulnerability\":\"{name}\",\"component\":\"pkg:a\",\
             \"severity\":\"high\",\"kev\":false}}"
        )
    };
    let findings = [finding("B"), finding("A"), finding("B")].join(",");
    format!(
        "{{\"image\":\"{image}\",\"revision\":3,\"generatedAt\":\"2026-01-01T00:00:00Z\",\
         \"findings\":[{findings}]}}"
    )
}

#[test]
fn report_is_requested_with_the_token_and_put_into_order() {
    local(async {
        let server = ScriptedServer::start();
        server.answer(200, &[], body(&IMAGE));
        let report = report(&scanner(server.client())).await.unwrap();
        let names: Vec<&str> = report
            .findings
            .iter()
            .map(|finding| &*finding.vulnerability)
            .collect();
        assert_eq!((report.revision, names), (3, vec!["A", "B"]));
        let (headers, request) = &server.requests()[0];
        assert_eq!(headers["authorization"], format!("Bearer {TOKEN}"));
        assert_eq!(
            str::from_utf8(request).unwrap(),
            format!(
                "{{\"tenant\":\"acme\",\"schedule\":\"nightly\",\"image\":\"{IMAGE}\",\
                 \"mode\":\"analysisOnly\",\"delivery\":5,\"attempt\":2}}"
            )
        );
    });
}

#[test]
fn each_status_has_its_error() {
    let throttled = |seconds| ScannerError::Throttled(Duration::from_secs(seconds));
    let cases = [
        (404, "", ScannerError::Refused),
        (422, "", ScannerError::Refused),
        (429, "7", throttled(7)),
        (429, "Sun, 06 Nov 1994 08:49:37 GMT", throttled(0)),
        (429, "", throttled(1)),
        (500, "", ScannerError::Failed),
        (503, "7", ScannerError::Failed),
        (401, "", ScannerError::Failed),
        (204, "", ScannerError::Failed),
    ];
    local(async {
        let server = ScriptedServer::start();
        let scanner = scanner(server.client());
        for (status, wait, expected) in cases {
            let field = [("retry-after", wait)];
            server.answer(status, &field[usize::from(wait.is_empty())..], "");
            let error = report(&scanner).await.unwrap_err();
            assert_eq!(error, expected, "{status} {wait}");
        }
    });
}

#[test]
fn unreadable_foreign_and_oversized_reports_are_failures() {
    local(async {
        let server = ScriptedServer::start();
        let scanner = scanner(server.client());
        let large = format!("{}{}", body(&IMAGE), " ".repeat(1_000));
        for body in ["{".to_owned(), body(&ImageDigest::new([8; 32])), large] {
            server.answer(200, &[], body.clone());
            assert_eq!(
                report(&scanner).await.unwrap_err(),
                ScannerError::Failed,
                "{body}"
            );
        }
        server.answer(200, &[], body(&IMAGE));
        assert!(report(&scanner).await.is_ok());
    });
}

#[test]
fn redirect_is_not_followed_and_the_token_reaches_no_other_host() {
    local(async {
        let (server, other) = (ScriptedServer::start(), ScriptedServer::start());
        for status in [301, 302, 307, 308] {
            server.answer(status, &[("location", &other.url())], "");
            let answer = report(&scanner(server.client())).await;
            assert_eq!(answer.unwrap_err(), ScannerError::Failed);
        }
        assert_eq!((server.requests().len(), other.requests().len()), (4, 0));
    });
}

#[test]
fn scanner_without_a_listener_is_unavailable() {
    local(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        drop(listener);
        let target = TargetUrl::new(&url, true).unwrap();
        let scanner = scanner(HttpClient::new(target, &TrustedRoots::none()));
        assert_eq!(
            report(&scanner).await.unwrap_err(),
            ScannerError::Unavailable
        );
    });
}

#[test]
fn timeout_of_the_caller_closes_the_connection() {
    local(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let target = TargetUrl::new(&url, true).unwrap();
        let scanner = scanner(HttpClient::new(target, &TrustedRoots::none()));
        let call = timeout(Duration::from_millis(200), report(&scanner));
        let (accepted, ended) = zip(listener.accept(), call).await;
        assert!(ended.is_err(), "the server never answers");
        let (mut connection, _) = accepted.unwrap();
        let mut received = Vec::new();
        // The end of the stream comes only when the client closes it.
        let closed = connection.read_to_end(&mut received);
        timeout(Duration::from_secs(10), closed)
            .await
            .expect("closed")
            .unwrap();
        assert!(received.starts_with(b"POST / "));
    });
}

/// The error of a scanner whose host resolves to these addresses, and its log.
fn resolved_to(
    url: &str,
    addresses: &'static [&'static str],
    allow_loopback: bool,
) -> (ScannerError, String) {
    let mut error = None;
    let log = logged(LogFormat::Json, || {
        error = Some(local(async {
            let target = TargetUrl::new(url, allow_loopback).unwrap();
            let lookup = |_: &str| {
                let parsed = addresses.iter().map(|address| format!("{address}:0"));
                let parsed = parsed.map(|text| text.parse::<SocketAddr>().unwrap());
                Ok::<_, io::Error>(parsed.collect())
            };
            let resolver = CheckedResolver::with_lookup(target.policy(), lookup);
            let roots = TrustedRoots::none();
            let client = HttpClient::with_resolver(target, &roots, resolver);
            report(&scanner(client)).await.unwrap_err()
        }));
    });
    (error.unwrap(), log)
}

#[test]
fn names_of_metadata_and_link_local_addresses_are_refused_in_the_resolver() {
    for addresses in [
        &["169.254.169.254"][..],
        &["[fe80::1]"],
        &["100.100.100.200"],
        &["0.0.0.0"],
        &["224.0.0.1"],
        // One bad address is enough: the next attempt might use it.
        &["203.0.113.9", "169.254.169.254"],
    ] {
        let (error, log) = resolved_to("https://scanner.example/", addresses, true);
        assert_eq!(error, ScannerError::Unavailable, "{addresses:?}");
        assert!(log.contains("to which no connection is made"), "{log}");
    }
    let (error, log) = resolved_to("https://scanner.example/", &["127.0.0.1"], false);
    assert_eq!(error, ScannerError::Unavailable);
    assert!(log.contains("`allowLoopback` does not allow"), "{log}");
}

#[test]
fn loopback_name_that_resolves_to_another_machine_gets_nothing_without_tls() {
    let (error, log) = resolved_to("http://localhost/reports", &["203.0.113.9"], true);
    assert_eq!(error, ScannerError::Unavailable);
    assert!(log.contains("`http` is not encrypted"), "{log}");
}

#[test]
fn token_is_in_no_log() {
    let log = logged(LogFormat::Json, || {
        local(async {
            let server = ScriptedServer::start();
            server.answer(500, &[], TOKEN);
            server.answer(200, &[], format!("{{\"image\":\"{TOKEN}\"}}"));
            let scanner = scanner(server.client());
            report(&scanner).await.unwrap_err();
            report(&scanner).await.unwrap_err();
        });
    });
    assert!(
        log.contains("status 500") && log.contains("can't be read"),
        "{log}"
    );
    assert!(!log.contains(TOKEN), "{log}");
}

#[test]
fn token_that_no_header_may_have_is_refused_without_being_quoted() {
    local(async {
        let server = ScriptedServer::start();
        let options = ScannerOptions {
            token: Some(SecretString::from("secret\nline")),
            max_report_bytes: 1,
        };
        let error = HttpScanner::new(server.client(), &options).err().unwrap();
        assert!(!error.to_string().contains("secret"));
        assert!(!format!("{options:?}").contains("line"));
    });
}
