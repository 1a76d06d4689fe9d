//! Configuration of a worker, as arguments of the commands that need it.

use std::path::PathBuf;

use clap::Args;
use rehearsal::service::config::{ConfigSources, ServiceConfig};
use rehearsal::worker::Role;

use super::error::CliError;

#[derive(Args)]
pub struct ConfigArgs {
    /// Configuration file. Default: none, only defaults
    #[arg(long = "config", value_name = "FILE", global = true)]
    config_file: Option<PathBuf>,
    /// Option over the file and the environment, as in `worker.lease=30s`; may be repeated
    #[arg(long = "set", value_name = "KEY=VALUE", global = true)]
    config_overrides: Vec<String>,
}

impl ConfigArgs {
    /// Reads the configuration.
    pub fn read(&self, defaults: ServiceConfig, roles: &[Role]) -> Result<ServiceConfig, CliError> {
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        let sources = ConfigSources {
            defaults,
            file: self.config_file.clone(),
            environment: environment.collect(),
            overrides: self.config_overrides.clone(),
            roles: roles.to_vec(),
        };
        sources.read().map_err(|errors| {
            let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
            CliError::usage(lines.join("\n"))
        })
    }
}

/// Parses a role.
pub fn parse_role(text: &str) -> Result<Role, String> {
    let roles = Role::ALL.into_iter();
    let mut named = roles.filter(|role| name(*role) == text);
    named.next().ok_or_else(|| {
        let names = Role::ALL.map(name);
        format!("write one of {}", names.join(", "))
    })
}

fn name(role: Role) -> String {
    let name = serde_json::to_value(role).unwrap_or_default();
    name.as_str().unwrap_or_default().to_owned()
}
