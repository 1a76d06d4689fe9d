//! Queries series of one's own: the temperatures of two places, one sample per minute.
use rehearsal_metrics::Labels;
use rehearsal_promql::{Engine, EvalError, Query, Queryable, SelectHints, Semantics, SeriesData};

struct Rooms {
    times_ms: Vec<i64>,
    rooms: Vec<(&'static str, Vec<u64>)>,
}

impl Queryable for Rooms {
    fn select(&self, hints: &SelectHints<'_>) -> Result<Vec<SeriesData<'_>>, EvalError> {
        let data = self.rooms.iter().map(|(room, bits)| SeriesData {
            labels: Labels::of_pairs([
                ("__name__".into(), "temperature".into()),
                ("room".into(), (*room).into()),
            ]),
            times_ms: &self.times_ms,
            change_times_ms: &self.times_ms,
            change_bits: bits,
        });
        Ok(data
            .filter(|series| hints.fits(|label| series.labels.get(label)))
            .collect())
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let degrees = |first: f64| {
        (0..60)
            .map(|minute| (first + f64::from(minute)).to_bits())
            .collect()
    };
    let rooms = vec![("attic", degrees(20.0)), ("cellar", degrees(10.0))];
    let rooms = Rooms {
        times_ms: (0..60).map(|minute| minute * 60_000).collect(),
        rooms,
    };
    let query = Query::parse("max_over_time(temperature[10m]) > 70", Semantics::default())?;
    println!("{:?}", Engine::new(&rooms).instant(&query, 59 * 60_000)?);
    Ok(())
}
