use std::collections::BTreeSet;

use super::*;
use crate::scenario::{CountOrNames, FleetSpec, Loader, Share};

fn stated() -> FleetSpec {
    FleetSpec {
        tenants: CountOrNames::Count(3),
        images: 1_000,
        components: 200,
        labels: [(
            "tier".to_owned(),
            [
                ("gold".to_owned(), Share(0.2)),
                ("tin".to_owned(), Share(0.8)),
            ]
            .into(),
        )]
        .into(),
        tenant_weights: [("tenant-1".to_owned(), 2.0)].into(),
        ..FleetSpec::default()
    }
}

#[test]
fn fleet_is_determined_by_its_seed() {
    let draw = |seed| {
        Fleet::draw(&stated(), seed)
            .unwrap()
            .images()
            .collect::<Vec<_>>()
    };
    assert_eq!(draw(1), draw(1));
    assert_ne!(draw(1), draw(2));
}

#[test]
fn images_are_found_by_digest_and_split_by_weight() {
    let fleet = Fleet::draw(&stated(), 1).unwrap();
    assert_eq!(fleet.len(), 1_000);
    for number in 0..1_000 {
        assert_eq!(fleet.find(fleet.digest(number)), Some(number));
    }
    let of_tenant = |name: &str| {
        fleet
            .images()
            .filter(|image| image.tenant.as_str() == name)
            .count()
    };
    assert_eq!(
        ["tenant-1", "tenant-2", "tenant-3"].map(of_tenant),
        [500, 250, 250]
    );
}

#[test]
fn components_are_distinct_and_popular_ones_frequent() {
    let fleet = Fleet::draw(&stated(), 1).unwrap();
    for image in fleet.images() {
        let mut components = image.components.clone();
        components.sort();
        components.dedup();
        assert_eq!(components.len(), image.components.len());
        assert!(!components.is_empty());
    }
    assert!(fleet.catalogue().images_with(0).len() > 4 * fleet.catalogue().images_with(150).len());
}

#[test]
fn inverted_index_agrees_with_the_images() {
    let fleet = Fleet::draw(&stated(), 1).unwrap();
    for component in 0..200 {
        let name = &fleet.components()[component as usize];
        let contains = |number: &u32| {
            let image = fleet.image(*number);
            image.components.iter().any(|(other, _)| other == name)
        };
        let expected: Vec<u32> = (0..1_000).filter(contains).collect();
        assert_eq!(fleet.catalogue().images_with(component), expected);
        for number in &expected {
            let used = (name.clone(), true);
            let is_used = fleet.image(*number).components.contains(&used);
            assert_eq!(
                fleet.catalogue().uses_at_entrypoint(*number, component),
                is_used
            );
        }
    }
}

#[test]
fn labels_are_distributed_by_their_shares() {
    let fleet = Fleet::draw(&stated(), 1).unwrap();
    let gold = fleet.images().filter(|image| {
        image
            .labels
            .get("tier")
            .is_some_and(|tier| &**tier == "gold")
    });
    assert!((120..280).contains(&gold.count()));
    assert!(fleet.images().all(|image| image.labels.len() == 1));
}

#[test]
fn tags_and_namespaces_are_spread_over_the_images() {
    let fleet = Fleet::draw(&stated(), 1).unwrap();
    let images: Vec<Image> = fleet.images().collect();
    let tags: BTreeSet<_> = images.iter().flat_map(|image| &image.tags).collect();
    assert_eq!(tags.len(), 16);
    let repositories: BTreeSet<_> = images.iter().map(|image| &image.repository).collect();
    assert!(repositories.len() > 1);
    // One in eight draws a second namespace, which may equal the first.
    let seconds = images.iter().filter(|image| image.namespaces.len() == 2);
    let seconds = seconds.count();
    assert!((50..180).contains(&seconds), "{seconds} of 1000");
}

#[test]
fn find_of_a_foreign_digest_returns_none() {
    let fleet = Fleet::draw(&stated(), 1).unwrap();
    let other = Fleet::draw(&stated(), 2).unwrap();
    assert_eq!(fleet.find(&ImageDigest::new([9; 32])), None);
    assert!((0..1_000).all(|number| fleet.find(other.digest(number)).is_none()));
}

#[test]
fn population_of_schedules_has_valid_times_and_takes_turns() {
    let text = "name = \"many\"\nduration = \"1d\"\n[fleet]\ntenants = 2\n[schedules]\ncount = 40\n\
                timeZones = [\"UTC\", \"Europe/Vienna\", \"Asia/Tokyo\"]\ncadence = \"weekly\"\n\
                contentRefreshShare = 0.5\nfromHour = 20\nuntilHour = 22\n\
                scopes = { all = 1, namespaces = 1, repositories = 1 }\n";
    let scenario = Loader::default().parse("many.toml", text, None);
    let scenario = scenario.unwrap_or_else(|problems| panic!("{problems}"));
    let schedules = schedules(&scenario, 1);
    assert_eq!(schedules.len(), 40);
    for (number, schedule) in schedules.iter().enumerate() {
        let cron = schedule.when_cron.as_deref().unwrap();
        assert!(
            crate::model::Calendar::new(cron, &schedule.time_zone).is_ok(),
            "{cron}"
        );
        assert!(cron.contains(" 20 ") || cron.contains(" 21 "), "{cron}");
        assert_eq!(
            schedule.tenant.as_str(),
            ["tenant-1", "tenant-2"][number % 2]
        );
    }
    let all = |selector: &crate::model::Selector| *selector == crate::model::Selector::All;
    let count = schedules
        .iter()
        .filter(|schedule| all(&schedule.selector))
        .count();
    assert!((5..25).contains(&count));
    assert_eq!(schedules, super::schedules(&scenario, 1));
}

#[test]
fn duplicates_repeat_earlier_images_of_the_tenant() {
    let stated = FleetSpec {
        duplicate_share: Share(0.2),
        ..stated()
    };
    let fleet = Fleet::draw(&stated, 1).unwrap();
    let duplicates: Vec<(Image, Image)> = (0..1_000)
        .filter_map(|number| {
            let first = fleet.find(fleet.digest(number)).unwrap();
            (first != number).then(|| (fleet.image(first), fleet.image(number)))
        })
        .collect();
    assert!((150..250).contains(&duplicates.len()));
    for (first, duplicate) in &duplicates {
        assert_eq!(first.tenant, duplicate.tenant);
        assert_eq!(first.components, duplicate.components);
    }
    assert!(duplicates.iter().any(|(a, b)| a.repository != b.repository));
    // Images that share a digest are listed once.
    let mut digests: Vec<_> = fleet
        .images_with(0)
        .map(|image| fleet.digest(image))
        .collect();
    let count = digests.len();
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), count);
}

#[test]
fn population_draws_every_kind_of_selector() {
    let text = "name = \"many\"\nduration = \"1d\"\n[fleet]\nlabels = { tier = { tin = 0.5 } }\n\
                [schedules]\ncount = 60\n\
                scopes = { all = 1, namespaces = 1, repositories = 1, labels = 1, digests = 1 }\n";
    let scenario = Loader::default().parse("many.toml", text, None);
    let scenario = scenario.unwrap_or_else(|problems| panic!("{problems}"));
    let fleet = Fleet::draw(&scenario.fleet, 1).unwrap();
    let mut counts = [0; 5];
    for schedule in schedules(&scenario, 1) {
        let kind = match &schedule.selector {
            crate::model::Selector::All => 0,
            crate::model::Selector::ByNamespace(_) => 1,
            crate::model::Selector::ByRepository(_) => 2,
            crate::model::Selector::ByLabel(labels) => {
                assert_eq!(labels.len(), 1, "the fleet has one label name");
                3
            }
            crate::model::Selector::ByDigest(digests) => {
                assert!(digests.iter().all(|digest| fleet.find(digest).is_some()));
                4
            }
        };
        counts[kind] += 1;
    }
    assert!(counts.iter().all(|count| *count > 4), "{counts:?}");
}
