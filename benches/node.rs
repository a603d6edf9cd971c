//! What a node costs and carries: questions that are asked of the program as it is deployed, on servers of its own.
//!
//! ```sh
//! cargo bench --bench node              # all but growth, after a release build; or `make bench`
//! cargo bench --bench node floor        # one, by the name of its folder
//! cargo test --benches                  # do they still work? a moment each
//! ```
//!
//! Each question tells at its head what it does and how its answer is read. Where a mark is missed, this fails.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a bench is for a terminal, and may panic")]

mod floor;
mod footprint;
mod growth;
mod logins;
mod stage;
mod storm;

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    // This program is a yardstick, too, in a process of its own.
    if let [first, decisions, redis] = &words[..]
        && first == "yardstick"
    {
        return floor::yardstick::serve(decisions.parse().unwrap(), redis);
    }
    // Cargo says so where it measures; else it asks whether the bench works.
    let measured = words.iter().any(|word| word == "--bench");
    let wanted: Vec<String> = words.into_iter().filter(|word| !word.starts_with('-')).collect();
    let missed = match wanted.split_first().map(|(question, wanted)| (question.as_str(), wanted)) {
        None => {
            let quick =
                floor::run(measured, &[]) + logins::run(measured) + storm::run(measured) + footprint::run(measured);
            // It takes a quarter of an hour: whoever wants it measured names it.
            if measured { quick } else { quick + growth::run(measured, &[]) }
        }
        Some(("floor", wanted)) => floor::run(measured, wanted),
        Some(("growth", wanted)) => growth::run(measured, wanted),
        Some(("logins", _)) => logins::run(measured),
        Some(("storm", _)) => storm::run(measured),
        Some(("footprint", _)) => footprint::run(measured),
        Some((question, _)) => panic!("{question} is no question; there are: floor, footprint, growth, logins, storm"),
    };
    // A turn of a second on a build that is not optimised says nothing.
    assert!(!measured || missed == 0, "{missed} marks were missed");
}
