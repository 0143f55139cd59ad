//! The program as a plugin of kubectl, and commands that tests listen to. tests/e2e has it too.

use std::{
    io::{BufRead, BufReader, ErrorKind, Read},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// The program under another name, beside it: so it is always that of this build.
pub fn named(name: &str) -> PathBuf {
    let program = Path::new(env!("CARGO_BIN_EXE_wedof-sheet-sync"));
    let link = program.with_file_name(name);
    match symlink(program.file_name().expect("a name"), &link) {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => panic!("{}: {error}", link.display()),
        _ => link,
    }
}

/// PATH with the program's own folder first.
pub fn path() -> String {
    let link = named("kubectl-wss");
    let folder = link.parent().expect("a folder").display();
    format!("{folder}:{}", std::env::var("PATH").expect("a PATH"))
}

/// A command that has ended.
pub struct Ended {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// Runs a command to its end, while the test goes on; `when` is called with every line of standard error as it comes.
pub async fn follow(mut command: Command, when: impl Fn(&str, &Child) + Send + 'static) -> Ended {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let followed = tokio::task::spawn_blocking(move || {
        let mut child = command.spawn().expect("the command starts");
        let stderr = child.stderr.take().expect("standard error");
        let mut err = String::new();
        for line in BufReader::new(stderr).lines() {
            let line = line.expect("a line");
            when(&line, &child);
            err.push_str(&line);
            err.push('\n');
        }
        let mut out = String::new();
        let mut stdout = child.stdout.take().expect("standard output");
        stdout.read_to_string(&mut out).expect("text");
        Ended {
            code: child.wait().expect("it ends").code().expect("a code"),
            out,
            err,
        }
    });
    followed.await.expect("no panic")
}

/// Runs a command to its end.
pub async fn ended(command: Command) -> Ended {
    follow(command, |_, _| {}).await
}

/// Ctrl-C.
pub fn interrupt(child: &Child) {
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status();
    assert!(sent.expect("kill").success());
}
