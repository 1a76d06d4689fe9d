//! Vectors whose labels depend on values, so that they are known only after all steps are
//! evaluated.

use std::collections::HashMap;

use crate::error::EvalError;
use crate::operators::block::{Block, is_present};
use crate::operators::operator::Operator;
use crate::operators::series::{OutputSeries, SAME_LABELS};
use crate::operators::steps::Steps;
use rehearsal_metrics::Labels;

/// Number of steps evaluated together while labels are collected.
const PIECE_STEPS: usize = 2_048;

/// Operator that yields elements step by step.
pub(crate) trait DynamicOperator {
    /// Visits each element: index of its step, its series and its value.
    ///
    /// # Errors
    ///
    /// As [`Operator::eval_block`].
    fn each(
        &self,
        steps: Steps,
        show: &mut dyn FnMut(usize, OutputSeries, f64),
    ) -> Result<(), EvalError>;
}

/// Elements collected into a vector.
pub(crate) struct DynamicElements<E> {
    elements: E,
    series: Vec<OutputSeries>,
    places: HashMap<Labels, usize>,
}

impl<E: DynamicOperator> DynamicElements<E> {
    /// Evaluates all steps of the query.
    ///
    /// # Errors
    ///
    /// As [`Operator::eval_block`].
    pub(crate) fn new(elements: E, grid: Steps) -> Result<Self, EvalError> {
        let mut places: HashMap<Labels, usize> = HashMap::new();
        let mut series: Vec<OutputSeries> = Vec::new();
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

impl<E: DynamicOperator> Operator for DynamicElements<E> {
    fn series(&self) -> &[OutputSeries] {
        &self.series
    }

    fn eval_block(&self, steps: Steps) -> Result<Block, EvalError> {
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
