//! Values of the model in columns.

use rehearsal_worker::model::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio_rusqlite::rusqlite;
use tokio_rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};

use crate::clock::{from_column, to_column};

/// Document as JSON text.
pub(crate) struct Json<T>(pub T);

impl<T: Serialize> ToSql for Json<T> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = serde_json::to_string(&self.0);
        let text =
            text.map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
        Ok(ToSqlOutput::from(text))
    }
}

impl<T: DeserializeOwned> FromSql for Json<T> {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let document = serde_json::from_str(value.as_str()?);
        document
            .map(Self)
            .map_err(|error| FromSqlError::Other(Box::new(error)))
    }
}

/// Instant in nanoseconds since the Unix epoch, so that the order of the column is that of time.
pub(crate) struct Nanos(pub Timestamp);

impl ToSql for Nanos {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(to_column(self.0)))
    }
}

impl FromSql for Nanos {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Self(from_column(value.as_i64()?)))
    }
}

/// Number of 64 bits; above 2^63 it is a negative integer in the file.
pub(crate) struct Bits(pub u64);

impl ToSql for Bits {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.0.cast_signed()))
    }
}

impl FromSql for Bits {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Ok(Self(value.as_i64()?.cast_unsigned()))
    }
}

/// Maximum number of rows of a query.
pub(crate) fn limit(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_rusqlite::rusqlite::Connection;

    fn through_sqlite<T: FromSql>(value: &dyn ToSql) -> rusqlite::Result<T> {
        let connection = Connection::open_in_memory()?;
        connection.query_row("SELECT ?1", [value], |row| row.get(0))
    }

    #[test]
    fn values_survive_and_times_keep_their_order() {
        for number in [0, 1, u64::MAX >> 1, u64::MAX] {
            assert_eq!(through_sqlite::<Bits>(&Bits(number)).unwrap().0, number);
        }
        let last = Timestamp::from_nanos(u64::MAX >> 1);
        for (time, expected) in [
            (Timestamp::from_nanos(7), Timestamp::from_nanos(7)),
            (last, last),
            (Timestamp::from_nanos(u64::MAX), last),
        ] {
            assert_eq!(through_sqlite::<Nanos>(&Nanos(time)).unwrap().0, expected);
        }
        let text = vec!["\"ü\"\n".to_owned()];
        let read = through_sqlite::<Json<Vec<String>>>(&Json(&text));
        assert_eq!(read.unwrap().0, text);
        assert!(through_sqlite::<Json<u8>>(&"no JSON").is_err());
    }
}
