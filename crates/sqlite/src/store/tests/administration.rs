//! Schedules, exports and purges.

use rehearsal_worker::model::{Mode, TenantId, Timestamp};
use rehearsal_worker::ports::Export;

use super::*;
use crate::{PurgeLimits, Purged};

fn export(id: &str, trigger: Trigger, tenant: Option<&str>) -> Export {
    Export {
        sequence: 0,
        id: id.into(),
        trigger,
        tenant: tenant.map(TenantId::from),
        product_keys: Vec::new(),
        usage_only: false,
    }
}

#[test]
fn schedule_is_edited_disabled_and_deleted_by_its_tenant() {
    let file = TestFile::new();
    block_on(async {
        let StoreClient { store, .. } = StoreClient::open(&file, "worker").await;
        let id = schedule().id;
        let read = async || store.schedule(&id).await.unwrap().value.unwrap();
        let created = read().await;
        let edited = Schedule {
            mode: Mode::ContentRefresh,
            ..schedule()
        };
        assert!(store.redefine_schedule(edited.clone()).await.unwrap());
        let document = read().await;
        assert_eq!(*document.schedule, edited);
        assert_eq!(document.state.value, created.state.value);
        assert!(document.state.version > created.state.version);
        assert!(store.enable_schedule(&id, false).await.unwrap());
        let disabled = read().await;
        assert!(!disabled.schedule.enabled);
        assert!(store.enable_schedule(&id, true).await.unwrap());
        let enabled = read().await;
        assert!(enabled.schedule.enabled);
        assert!(enabled.state.value.cursor > disabled.state.value.cursor);
        let other = Schedule::new(id.clone(), "globex".into());
        assert!(!store.define_schedule(other.clone()).await.unwrap());
        assert!(!store.redefine_schedule(other).await.unwrap());
        assert!(store.delete_schedule(&id).await.unwrap());
        assert!(!store.delete_schedule(&id).await.unwrap());
        assert!(!store.enable_schedule(&id, false).await.unwrap());
        assert!(!store.define_schedule(schedule()).await.unwrap());
        assert!(!store.enable_schedule(&"never".into(), true).await.unwrap());
        let documents = store.schedule_documents().await.unwrap();
        assert_eq!(documents, [read().await]);
        assert_eq!(*documents[0].schedule, edited);
        assert!(documents[0].deleted);
    });
}

#[test]
fn processes_share_definitions_by_version() {
    let file = TestFile::new();
    block_on(async {
        let first = StoreClient::open(&file, "first").await;
        let second = StoreClient::open(&file, "second").await;
        let definition = async || {
            let listed = first.store.schedules().await.unwrap().value;
            listed.get(0).unwrap().schedule.enabled
        };
        assert!(definition().await);
        let id = schedule().id;
        assert!(second.store.enable_schedule(&id, false).await.unwrap());
        assert!(!definition().await);
    });
}

#[test]
fn repeated_export_is_one_export() {
    let file = TestFile::new();
    block_on(async {
        let StoreClient { store, .. } = StoreClient::open(&file, "worker").await;
        for (export, is_new) in [
            (export("a", Trigger::Conselier, None), true),
            (export("a", Trigger::Conselier, None), false),
            (export("a", Trigger::Excitor, None), true),
            (export("a", Trigger::Excitor, Some("acme")), true),
            (export("a", Trigger::Excitor, Some("acme")), false),
            (export("b", Trigger::Excitor, Some("acme")), true),
        ] {
            assert_eq!(store.publish_export(export).await.unwrap(), is_new);
        }
        let (_, exports) = store.exports(10).await.unwrap().value;
        let numbers: Vec<_> = exports.iter().map(|export| export.sequence).collect();
        assert_eq!(numbers, [1, 2, 3, 4]);
    });
}

#[test]
fn tokens_are_purged_by_incarnation_once_it_is_silent() {
    let file = TestFile::new();
    let at_once = PurgeLimits {
        documents: Duration::ZERO,
        tokens: Duration::ZERO,
    };
    let hour = PurgeLimits {
        tokens: Duration::from_hours(1),
        ..at_once
    };
    block_on(async {
        let mut dead = StoreClient::open(&file, "dead").await;
        let mut alive = StoreClient::open(&file, "alive").await;
        let ended = dead.create(1).await;
        dead.end(&ended).await;
        let first = alive.creation(2);
        let applied = alive.apply(first.clone()).await;
        let purged = alive.store.purge(hour).await.unwrap();
        let runs = Purged {
            runs: 1,
            ..Purged::default()
        };
        assert_eq!(purged, runs, "each incarnation committed within the hour");
        // An hour passes, in which one of them works.
        let pass = "UPDATE clock SET last_ns = last_ns + 3600 * 1000000000";
        file.sql().execute_batch(pass).unwrap();
        let heartbeat = alive
            .store
            .heartbeat(&alive.incarnation, Duration::from_secs(60), false);
        heartbeat.await.unwrap();
        let purged = alive.store.purge(hour).await.unwrap();
        let tokens = Purged {
            tokens: 2,
            ..Purged::default()
        };
        assert_eq!(purged, tokens, "the silent incarnation had two");
        let again = alive.apply(first).await;
        assert_eq!(
            again, applied,
            "the other one may still repeat its first commit"
        );
    });
}

#[test]
fn handled_exports_are_purged_and_their_numbers_stay() {
    let file = TestFile::new();
    let limits = PurgeLimits {
        documents: Duration::ZERO,
        tokens: Duration::from_hours(1),
    };
    block_on(async {
        let mut client = StoreClient::open(&file, "worker").await;
        for id in ["a", "b"] {
            let export = export(id, Trigger::Policy, None);
            client.store.publish_export(export).await.unwrap();
        }
        let mut handled = client.commit(CommitStep::Export);
        handled.exports = Some((0, 2));
        client.apply(handled).await;
        let purged = client.store.purge(limits).await.unwrap();
        assert_eq!(purged.exports, 2);
        let export = export("a", Trigger::Policy, None);
        client.store.publish_export(export).await.unwrap();
        let (cursor, exports) = client.store.exports(10).await.unwrap().value;
        assert_eq!((cursor, exports[0].sequence), (2, 3));
    });
}

#[test]
fn runs_and_incarnations_are_listed_newest_first() {
    let file = TestFile::new();
    block_on(async {
        let mut client = StoreClient::open(&file, "worker").await;
        let mut created = Vec::new();
        for occurrence in 0..3 {
            created.push(client.create(occurrence).await);
        }
        client.end(&created[1]).await;
        let id = schedule().id;
        for (state, schedule, limit, expected) in [
            (None, None, 10, vec![2, 1, 0]),
            (None, Some(&id), 2, vec![2, 1]),
            (Some(RunState::Planning), None, 10, vec![2, 0]),
            (Some(RunState::Cancelled), Some(&id), 10, vec![1]),
            (Some(RunState::Running), Some(&id), 10, vec![]),
            (None, Some(&"other".into()), 10, vec![]),
        ] {
            let runs = client.store.runs(state, schedule, limit).await.unwrap();
            let found: Vec<_> = runs.into_iter().map(|run| run.id).collect();
            let expected: Vec<_> = expected.into_iter().map(|n: usize| &created[n]).collect();
            assert!(found.iter().eq(expected), "{found:?}");
        }
        let lease = Duration::from_secs(60);
        let beat = client.store.heartbeat(&client.incarnation, lease, true);
        beat.await.unwrap();
        let records = client.store.incarnations(10).await.unwrap();
        assert_eq!(records.len(), 1);
        assert_eq!(records[0].id, client.incarnation);
        assert!(records[0].is_stopping && records[0].alive_at > Timestamp::ZERO);
    });
}
