use std::process::ExitCode;

fn main() -> ExitCode {
    wedof_sheet_sync::cli::main()
}
