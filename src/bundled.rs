//! Operator files of the Scheduler Worker, embedded in the program.

/// Path of the alert rules in the repository, for messages.
pub const RULES_PATH: &str = "docs/ops/scheduler-worker-prometheus-rules.yaml";

/// Text of the alert rules.
pub const RULES: &str = include_str!("../docs/ops/scheduler-worker-prometheus-rules.yaml");

/// Text of the Grafana dashboard.
pub const DASHBOARD: &str = include_str!("../docs/ops/scheduler-worker-grafana-dashboard.json");
