//! Reading of configurations.

use std::io::Write;
use std::path::PathBuf;

use rehearsal_worker::Role;
use secrecy::ExposeSecret;
use tempfile::{NamedTempFile, TempPath};

use super::*;

fn file(text: &str) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

/// Sources with a file, which is removed with the path.
fn sources(
    text: &str,
    environment: &[(&str, &str)],
    overrides: &[&str],
) -> (ConfigSources, TempPath) {
    let path = file(text).into_temp_path();
    let environment = environment.iter();
    let environment = environment.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let sources = ConfigSources {
        file: Some(path.to_path_buf()),
        environment: environment.collect(),
        overrides: overrides.iter().map(|text| (*text).to_owned()).collect(),
        ..ConfigSources::default()
    };
    (sources, path)
}

fn error(text: &str, environment: &[(&str, &str)], overrides: &[&str]) -> String {
    let (sources, path) = sources(text, environment, overrides);
    let errors = sources.read().unwrap_err();
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines
        .join("\n")
        .replace(&path.display().to_string(), "worker.toml")
}

#[test]
fn each_layer_overrides_the_one_before() {
    let text = "name = \"a\"\nroles = [\"runner\"]\n[worker]\nlease = \"30s\"\nsegmentSize = 8\n";
    let environment = [
        ("REHEARSAL_NAME", "b"),
        ("REHEARSAL_WORKER_LEASE", "40s"),
        ("REHEARSAL_SCANNER_ALLOW_LOOPBACK", "true"),
        ("REHEARSAL_ROLES", "planner, relay"),
        ("HOME", "/"),
    ];
    let (mut sources, _path) = sources(
        text,
        &environment,
        &["worker.lease=50s", "store.durable=false"],
    );
    let config = sources.read().unwrap();
    assert_eq!(config.name.as_deref(), Some("b"));
    assert_eq!(config.roles, [Role::Planner, Role::Relay]);
    assert_eq!(
        (config.worker.lease.as_secs(), config.worker.segment_size),
        (50, 8)
    );
    assert!(config.scanner.allow_loopback && !config.store.durable);
    sources.roles = vec![Role::Sweeper];
    assert_eq!(sources.read().unwrap().roles, [Role::Sweeper]);
    assert_eq!(
        ConfigSources::default().read().unwrap(),
        ServiceConfig::default()
    );
}

#[test]
fn unknown_keys_and_wrong_values_are_refused_with_their_place() {
    let message = error("[scanner]\nulr = \"x\"\n", &[], &[]);
    assert!(
        message.starts_with("worker.toml:2:1: unknown field `ulr`, expected"),
        "{message}"
    );
    let message = error("\n[worker]\nlease = 5\n", &[], &[]);
    assert!(message.starts_with("worker.toml:3:9: "), "{message}");
    assert_eq!(
        error(
            "",
            &[("REHEARSAL_SCANER_URL", "x")],
            &["scanner.uri=x", "lease"]
        ),
        "environment variable REHEARSAL_SCANER_URL: there is no such option; did you mean \
         `REHEARSAL_SCANNER_URL`?\n\
         --set scanner.uri: there is no such option; did you mean `scanner.url`?\n\
         --set: write KEY=VALUE"
    );
    assert_eq!(
        error(
            "",
            &[("REHEARSAL_STORE_DURABLE", "yes")],
            &["worker.segmentSize=many"]
        ),
        "REHEARSAL_STORE_DURABLE: write `true` or `false`\n\
         --set worker.segmentSize: write a whole number"
    );
    let message = error("", &[], &["worker.lease=soon", "http.listen=here"]);
    assert!(message.starts_with("--set worker.lease: "), "{message}");
    assert!(message.contains("--set http.listen: "), "{message}");
}

#[test]
fn invalid_values_are_all_named() {
    let mut config = ServiceConfig::default();
    assert_eq!(
        config.invalid_values(),
        [(
            "scanner.url".to_owned(),
            "a process with the role `runner` needs it".to_owned()
        )]
    );
    config.scanner.url = Some("https://scanner.example/".to_owned());
    assert!(config.invalid_values().is_empty());
    config.worker.segment_size = 0;
    config.store.retention = "59m".parse().unwrap();
    config.store.max_bytes = Some((1 << 20) - 1);
    config.name = Some("a b".to_owned());
    config.roles.clear();
    config.scanner.max_report_bytes = 1;
    config.events.max_requests_per_address = 0;
    let keys: Vec<String> = config
        .invalid_values()
        .into_iter()
        .map(|(key, _)| key)
        .collect();
    assert_eq!(
        keys,
        [
            "worker.segmentSize",
            "store.retention",
            "store.maxBytes",
            "scanner.maxReportBytes",
            "events.maxRequestsPerAddress",
            "name",
            "roles"
        ]
    );
}

#[test]
fn every_option_can_be_set_from_the_environment() {
    for option in config_options() {
        let text = match (&option.default, option.kind) {
            (serde_json::Value::String(text), _) => text.clone(),
            (serde_json::Value::Array(items), _) => {
                let items = items.iter().map(|item| item.as_str().unwrap());
                items.collect::<Vec<_>>().join(",")
            }
            (serde_json::Value::Null, _) if option.key == "events.listen" => "[::1]:80".to_owned(),
            (serde_json::Value::Null, OptionKind::Number) => "1048576".to_owned(),
            (serde_json::Value::Null, _) => "text".to_owned(),
            (value, _) => value.to_string(),
        };
        let environment = vec![(option.variable.clone(), text)];
        let sources = ConfigSources {
            environment,
            ..ConfigSources::default()
        };
        assert!(sources.read().is_ok(), "{option:?}: {:?}", sources.read());
        assert!(!option.description.is_empty(), "{option:?}");
    }
}

#[test]
fn no_switch_turns_a_check_of_security_off() {
    let options = config_options().into_iter();
    let switches = options.filter(|option| option.kind == OptionKind::Switch);
    let switches: Vec<String> = switches.map(|option| option.key).collect();
    // Loopback is allowed by two of them; none concerns certificates, signatures or redirects.
    assert_eq!(
        switches,
        [
            "notify.allowLoopback",
            "scanner.allowLoopback",
            "store.durable",
            "worker.deadLetterEnabled"
        ]
    );
}

#[test]
fn secrets_come_from_files_and_then_from_the_environment() {
    let (key, other) = (file("0123456789abcdef\n"), file("fedcba9876543210"));
    let mut config = ServiceConfig::default();
    let variable = |name: &str| match name {
        "REHEARSAL_SCANNER_TOKEN" => Some("from-environment".to_owned()),
        _ => None,
    };
    let secrets = Secrets::read(&config, variable).unwrap();
    assert_eq!(
        secrets.scanner_token.unwrap().expose_secret(),
        "from-environment"
    );
    assert!(secrets.event_keys.is_empty() && secrets.notify_keys.is_empty());
    config.scanner.token_file = Some(key.path().to_owned());
    config.events.key_files = vec![key.path().to_owned(), other.path().to_owned()];
    config.notify.key_file = Some(other.path().to_owned());
    let secrets = Secrets::read(&config, variable).unwrap();
    assert_eq!(
        secrets.scanner_token.as_ref().unwrap().expose_secret(),
        "0123456789abcdef"
    );
    assert_eq!(
        (secrets.event_keys.len(), secrets.notify_keys.len()),
        (2, 1)
    );
    let printed = format!("{secrets:?} {config:?}");
    assert!(!printed.contains("0123456789abcdef"), "{printed}");
}

#[test]
fn empty_short_and_missing_secrets_are_refused_without_being_quoted() {
    let (empty, short) = (file("\n"), file("hunter2"));
    let none = |_: &str| None;
    let mut config = ServiceConfig::default();
    config.scanner.token_file = Some(empty.path().to_owned());
    let error = Secrets::read(&config, none).unwrap_err();
    assert_eq!(
        error,
        SecretError::Empty {
            key: "scanner.tokenFile"
        }
    );
    config.scanner.token_file = Some("no/such/file".into());
    assert!(matches!(
        Secrets::read(&config, none),
        Err(SecretError::Unreadable { .. })
    ));
    config.scanner.token_file = None;
    config.notify.key_file = Some(short.path().to_owned());
    let error = Secrets::read(&config, none).unwrap_err();
    assert!(matches!(error, SecretError::Short { .. }) && !error.to_string().contains("hunter2"));
    config.notify.key_file = None;
    config.events.listen = Some(([127, 0, 0, 1], 0).into());
    assert_eq!(
        Secrets::read(&config, none).unwrap_err(),
        SecretError::Missing
    );
}

#[cfg(unix)]
#[test]
fn devices_are_refused_as_files_at_once() {
    let device = PathBuf::from("/dev/zero");
    let sources = ConfigSources {
        file: Some(device.clone()),
        ..ConfigSources::default()
    };
    let errors = sources.read().unwrap_err();
    assert!(
        errors[0].to_string().contains("not a regular file"),
        "{errors:?}"
    );
    let mut config = ServiceConfig::default();
    config.scanner.token_file = Some(device);
    let error = Secrets::read(&config, |_| None).err().unwrap().to_string();
    assert!(error.contains("not a regular file"), "{error}");
}

#[test]
fn secret_in_the_wrong_place_is_not_quoted() {
    for text in [
        "[scanner]\ntoken = \"hunter2\"\n",
        "[scanner]\ntokenFile = [\"hunter2\"]\n",
        "[scanner\ntoken = \"hunter2\"\n",
    ] {
        let message = error(text, &[], &[]);
        assert!(!message.contains("hunter2"), "{message}");
    }
    let message = error(
        "",
        &[("REHEARSAL_SCANNER_TOKENS", "hunter2")],
        &["token=hunter2"],
    );
    assert!(!message.contains("hunter2"), "{message}");
}
