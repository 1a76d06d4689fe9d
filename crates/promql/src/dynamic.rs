//! Vectors whose labels depend on values: they are known only when all steps were looked at.

use std::collections::HashMap;

use super::block::{Block, is_present};
use super::error::EvalError;
use super::operator::Operator;
use super::series::{SAME_LABELS, Series};
use super::steps::Steps;
use rehearsal_metrics::Labels;

/// Steps that are looked at together while the labels are collected.
const PIECE_STEPS: usize = 2_048;

/// Something that gives elements step by step.
pub(super) trait Elements {
    /// Shows each element: the place of its step, its series and its value.
    ///
    /// # Errors
    ///
    /// As [`Operator::fill`].
    fn each(&self, steps: Steps, show: &mut dyn FnMut(usize, Series, f64))
    -> Result<(), EvalError>;
}

/// The elements as a vector.
pub(super) struct Dynamic<E> {
    elements: E,
    series: Vec<Series>,
    places: HashMap<Labels, usize>,
}

impl<E: Elements> Dynamic<E> {
    /// Looks at all steps that can be asked for.
    ///
    /// # Errors
    ///
    /// As [`Operator::fill`].
    pub(super) fn new(elements: E, grid: Steps) -> Result<Self, EvalError> {
        let mut places: HashMap<Labels, usize> = HashMap::new();
        let mut series: Vec<Series> = Vec::new();
        for piece in grid.pieces(PIECE_STEPS) {
            elements.each(piece, &mut |_, element, _| {
                let next = series.len();
                if *places.entry(element.labels.clone()).or_insert(next) == next {
                    series.push(element);
                }
            })?;
        }
        Ok(Self {
            elements,
            series,
            places,
        })
    }
}

impl<E: Elements> Operator for Dynamic<E> {
    fn series(&self) -> &[Series] {
        &self.series
    }

    fn fill(&self, steps: Steps) -> Result<Block, EvalError> {
        let mut block = Block::absent(self.series.len(), steps.count);
        let mut twice = false;
        self.elements.each(steps, &mut |step, element, value| {
            let Some(place) = self.places.get(&element.labels) else {
                return;
            };
            let into = &mut block.column_mut(*place)[step];
            twice |= is_present(*into);
            *into = value;
        })?;
        match twice {
            true => Err(EvalError::refused(SAME_LABELS)),
            false => Ok(block),
        }
    }
}
