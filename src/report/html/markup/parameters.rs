//! Parameters of a run, its scenario file, and the command that repeats it.

use maud::{Markup, html};

use crate::report::RecordedRun;

/// Returns the table of all parameters, and the scenario file.
pub fn parameters(run: &RecordedRun) -> Markup {
    let parameters = |differs| {
        run.parameters
            .iter()
            .filter(move |it| it.differs == differs)
    };
    let differing = run.parameters.iter().filter(|it| it.differs).count();
    html! {
        section aria-labelledby="parameters-title" {
            h2 #parameters-title { "Parameters" }
            details {
                summary {
                    "All " (run.parameters.len()) " parameters: "
                    strong { (differing) " differ from their defaults" }
                }
                div .scroll {
                    table .parameters {
                        thead { tr {
                            th scope="col" { "Parameter" } th scope="col" { "Value" }
                            th scope="col" { "Default" }
                        } }
                        // Changed parameters come first.
                        tbody { @for differs in [true, false] {
                            @for parameter in parameters(differs) {
                                tr .set[differs] {
                                    th scope="row" {
                                        @if differs { span .mark aria-label="set" { "●" } " " }
                                        code { (parameter.key) }
                                    }
                                    td { (parameter.value) }
                                    td { (parameter.default) }
                                }
                            }
                        } }
                    }
                }
            }
            details {
                summary { "Scenario file, with the faults that were drawn" }
                pre tabindex="0" { code { (run.scenario) } }
            }
        }
    }
}

/// Returns the command that repeats the run.
pub fn replay(run: &RecordedRun) -> Markup {
    html! {
        section aria-labelledby="replay-title" {
            h2 #replay-title { "Replay" }
            div .replay {
                pre tabindex="0" { code #replay { (run.report.replay) } }
                button #copy type="button" { "Copy" }
            }
        }
    }
}
