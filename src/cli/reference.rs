//! The reference of the command line, made from the declarations of its commands.

use clap::Command;

const INTRO: &str = "\
# Command line

<!-- GENERATED from the commands in src/cli/: do not edit. -->

These are the texts of `ladderd help`. [Settings](settings.md) are read by the commands that have `--config`;
`serve`, `transcode`, `plan`, `validate` and `backends` work without any.
";

/// The command without values of the environment, which differ from machine to machine.
pub(super) fn without_values(command: Command) -> Command {
    command
        .mut_args(|argument| argument.hide_env_values(true))
        .mut_subcommands(without_values)
        .term_width(100)
}

/// The help of each command that is not hidden, as a page.
pub(super) fn page(mut command: Command) -> String {
    // Adds the full names of subcommands, and global arguments to those below.
    command.build();
    let mut parts = vec![INTRO.to_owned()];
    write(&mut parts, &mut command);
    parts.concat()
}

/// Adds the section of a command, and those of the commands below it.
fn write(parts: &mut Vec<String>, command: &mut Command) {
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name()).to_owned();
    let marks = if name.split(' ').count() > 2 { "###" } else { "##" };
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let help = lines.join("\n");
    parts.push(format!("\n{marks} `{name}`\n\n```text\n{}\n```\n", help.trim_end()));
    for below in command.get_subcommands_mut() {
        if !below.is_hide_set() && below.get_name() != "help" {
            write(parts, below);
        }
    }
}
