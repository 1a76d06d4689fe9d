//! How it came about: latencies in full, every parameter, and the line that does it again.

use maud::{Markup, html};

use crate::report::RunRecord;

/// Every parameter, and the scenario as a file.
pub fn parameters(run: &RunRecord) -> Markup {
    let differing = run.parameters.iter().filter(|it| it.differs).count();
    html! {
        section aria-labelledby="parameters-title" {
            h2 #parameters-title { "Parameters" }
            details {
                summary {
                    "All " (run.parameters.len()) " of them: " strong { (differing) " differ from their defaults" }
                }
                div .scroll {
                    table .parameters {
                        thead { tr {
                            th scope="col" { "Parameter" } th scope="col" { "Value" } th scope="col" { "Default" }
                        } }
                        // Those that somebody has chosen come first.
                        tbody { @for differs in [true, false] {
                            @for parameter in run.parameters.iter().filter(|it| it.differs == differs) {
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
                summary { "The scenario, with the faults that were drawn, as a file" }
                pre tabindex="0" { code { (run.scenario) } }
            }
        }
    }
}

/// The shell line that does the same again.
pub fn replay(run: &RunRecord) -> Markup {
    html! {
        section aria-labelledby="replay-title" {
            h2 #replay-title { "Once more" }
            div .replay {
                pre tabindex="0" { code #replay { (run.report.replay) } }
                button #copy type="button" { "Copy" }
            }
        }
    }
}
