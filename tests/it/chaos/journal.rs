//! Content of the store at the end, read with SQL and none of the code under test.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use tokio_rusqlite::rusqlite::{Connection, Row};

/// A run with its segments.
pub struct StoredRun {
    pub id: String,
    pub document: Value,
    /// Images of its plan; none before it was planned.
    pub planned: Vec<String>,
    pub segments: Vec<StoredSegment>,
}

/// A segment.
pub struct StoredSegment {
    pub position: u32,
    pub images: Vec<String>,
    /// Token of the commit that completed it.
    pub committed_by: Option<Token>,
}

/// Token of a commit.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Token {
    /// Incarnation as `name#number`.
    pub incarnation: String,
    pub sequence: u64,
    pub delivery: u64,
}

/// Content of the store.
pub struct Journal {
    pub runs: Vec<StoredRun>,
    /// Time of each applied commit since the Unix epoch.
    pub tokens: BTreeMap<Token, Duration>,
    /// Sum of the revisions of all baselines.
    pub revisions: i64,
    /// Number of rows of each table that is empty when everything is done.
    pub left: BTreeMap<&'static str, i64>,
    /// Active runs that incarnations account for, by `name#number`; only those with any.
    pub active: BTreeMap<String, i64>,
}

impl StoredRun {
    pub fn state(&self) -> &str {
        self.document["state"].as_str().unwrap_or_default()
    }

    pub fn is_terminal(&self) -> bool {
        ["completed", "error", "cancelled"].contains(&self.state())
    }

    pub fn stat(&self, key: &str) -> i64 {
        self.document["stats"][key].as_i64().unwrap_or_default()
    }
}

fn connect(path: &Path) -> Connection {
    let connection = Connection::open(path).unwrap();
    connection.busy_timeout(Duration::from_secs(20)).unwrap();
    connection
}

fn count(connection: &Connection, sql: &str) -> i64 {
    connection.query_row(sql, [], |row| row.get(0)).unwrap()
}

/// Number of runs that are not over.
pub fn unfinished_runs(path: &Path) -> i64 {
    let states = "('planning', 'queued', 'running')";
    let sql = format!("SELECT count(*) FROM runs WHERE state IN {states}");
    count(&connect(path), &sql)
}

/// Number that grows with every commit and every event that leaves the store.
pub fn progress(path: &Path) -> i64 {
    let connection = connect(path);
    let commits = count(&connection, "SELECT count(*) FROM tokens");
    // Positions grow.
    commits + count(&connection, "SELECT coalesce(min(position), 0) FROM outbox")
}

fn token(text: &str) -> Token {
    let token: Value = serde_json::from_str(text).unwrap();
    let life = &token["life"];
    let number = |key: &str| token[key].as_u64().unwrap();
    Token {
        incarnation: format!("{}#{}", life["process"].as_str().unwrap(), life["number"]),
        sequence: number("sequence"),
        delivery: number("delivery"),
    }
}

fn images(digests: &[u8]) -> Vec<String> {
    let hex = |digest: &[u8]| {
        digest
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect::<String>()
    };
    digests
        .chunks(32)
        .map(|digest| format!("sha256:{}", hex(digest)))
        .collect()
}

fn rows<T>(
    connection: &Connection,
    sql: &str,
    mut read: impl FnMut(&Row<'_>) -> tokio_rusqlite::rusqlite::Result<T>,
) -> Vec<T> {
    let mut select = connection.prepare(sql).unwrap();
    let rows = select.query_map([], |row| read(row)).unwrap();
    rows.map(Result::unwrap).collect()
}

impl Journal {
    pub fn read(path: &Path) -> Self {
        let connection = connect(path);
        // All tables as they are at one instant.
        let connection = connection.unchecked_transaction().unwrap();
        let mut segments: BTreeMap<String, Vec<StoredSegment>> = BTreeMap::new();
        let sql = "SELECT run, position, digests, committed_by FROM segments ORDER BY position";
        for (run, segment) in rows(&connection, sql, |row| {
            let committed_by: Option<String> = row.get(3)?;
            let segment = StoredSegment {
                position: row.get(1)?,
                images: images(&row.get::<_, Vec<u8>>(2)?),
                committed_by: committed_by.map(|text| token(&text)),
            };
            Ok((row.get(0)?, segment))
        }) {
            segments.entry(run).or_default().push(segment);
        }
        let sql = "SELECT id, document, impact FROM runs ORDER BY created_at, id";
        let runs = rows(&connection, sql, |row| {
            let (id, document): (String, String) = (row.get(0)?, row.get(1)?);
            let impact: Option<String> = row.get(2)?;
            let impact: Value = serde_json::from_str(&impact.unwrap_or("{}".to_owned())).unwrap();
            let planned = impact["digests"].as_array().cloned().unwrap_or_default();
            Ok(StoredRun {
                segments: segments
                    .get_mut(&id)
                    .map(std::mem::take)
                    .unwrap_or_default(),
                id,
                document: serde_json::from_str(&document).unwrap(),
                planned: planned
                    .iter()
                    .map(|image| image.as_str().unwrap().to_owned())
                    .collect(),
            })
        });
        Self {
            runs,
            tokens: read_tokens(&connection),
            revisions: count(
                &connection,
                "SELECT coalesce(sum(revision), 0) FROM baselines",
            ),
            left: ["message", "intents", "outbox", "dead_letter"]
                .map(|table| {
                    (
                        table,
                        count(&connection, &format!("SELECT count(*) FROM {table}")),
                    )
                })
                .into(),
            active: read_active(&connection),
        }
    }
}

fn read_tokens(connection: &Connection) -> BTreeMap<Token, Duration> {
    let sql = "SELECT process, incarnation, sequence, delivery, applied_at FROM tokens";
    let tokens = rows(connection, sql, |row| {
        let (process, number): (String, u32) = (row.get(0)?, row.get(1)?);
        let token = Token {
            incarnation: format!("{process}#{number}"),
            sequence: row.get::<_, i64>(2)?.cast_unsigned(),
            delivery: row.get::<_, i64>(3)?.cast_unsigned(),
        };
        Ok((
            token,
            Duration::from_nanos(row.get::<_, i64>(4)?.cast_unsigned()),
        ))
    });
    tokens.into_iter().collect()
}

fn read_active(connection: &Connection) -> BTreeMap<String, i64> {
    let sql = "SELECT process, number, active_0 + active_1 FROM incarnations
               WHERE active_0 <> 0 OR active_1 <> 0";
    let active = rows(connection, sql, |row| {
        let (process, number): (String, u32) = (row.get(0)?, row.get(1)?);
        Ok((format!("{process}#{number}"), row.get(2)?))
    });
    active.into_iter().collect()
}
