//! What does a person see? Each `transcripts/*.trycmd` is a piece of terminal that could stand in the documents; it is typed again and compared.

#[test]
fn what_the_program_says_is_what_the_transcripts_say() {
    // No variable of whoever runs the tests may reach the program.
    let quiet = [
        ("CLAVIGER_STATE", "state"),
        ("CLAVIGER_CONFIG", ""),
        ("CLAVIGER_ENV", ""),
        ("CLAVIGER_DEV_BYPASS", ""),
        ("CLAVIGER_TOKEN", ""),
        ("COLUMNS", "100"),
    ];
    let cases = trycmd::TestCases::new();
    for (name, value) in quiet {
        cases.env(name, value);
    }
    cases.case("tests/transcripts/*.trycmd");
}
