//! The layer's tests.

#[path = "../../tests/it"]
mod it {
    mod metrics;
}
