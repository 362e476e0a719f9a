//! The Debian package, as far as it can be judged without packing it. `make deb-test` and `make vm-test` run it.

use std::path::Path;

use ladderd::settings::{Settings, Sources};

use super::support::{program, root};

/// The settings file that the package installs: as it is, and with each setting switched on that a comment proposes.
#[test]
fn the_settings_file_of_the_package_is_valid() {
    let text = std::fs::read_to_string(root().join("debian/ladderd.toml")).unwrap();
    let proposed = |line: &str| {
        line.strip_prefix('#')
            .filter(|rest| rest.starts_with(|c: char| c == '[' || c.is_ascii_lowercase()))
            .map(str::to_owned)
    };
    let switched_on: Vec<String> =
        text.lines().map(|line| proposed(line).unwrap_or_else(|| line.to_owned())).collect();
    let dir = tempfile::tempdir().unwrap();
    let load = |text: &str| {
        let path = dir.path().join("ladderd.toml");
        std::fs::write(&path, text).unwrap();
        Settings::load(&Sources { file: Some(path), ..Sources::default() })
    };
    assert_eq!(load(&text).unwrap(), Settings::default());
    let settings = load(&switched_on.join("\n")).unwrap();
    assert_eq!(settings.http.public_url, "https://video.example.com");
    assert_eq!(settings.jobs.required_backends, ["nvenc"]);
}

#[test]
fn every_command_has_a_man_page_and_completions() {
    let dir = tempfile::tempdir().unwrap();
    let output = program().arg("package-files").arg(dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let help = program().arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let commands: Vec<&str> = help
        .lines()
        .skip_while(|line| *line != "Commands:")
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| {
            line.strip_prefix("  ")?.split(' ').next().filter(|word| !word.is_empty())
        })
        .collect();
    assert!(commands.contains(&"serve") && commands.contains(&"s3-key"), "{commands:?}");
    let read = |path: &str| std::fs::read_to_string(dir.path().join(path)).unwrap_or_default();
    let completions = ["bash/ladderd", "fish/ladderd.fish", "zsh/_ladderd"]
        .map(|file| read(&format!("completions/{file}")));
    for command in commands {
        assert!(
            command == "help" || read(&format!("man/ladderd-{command}.1")).contains(".SH SYNOPSIS"),
            "{command}"
        );
        for text in &completions {
            assert!(text.contains(command), "{command}");
        }
    }
    assert!(
        !dir.path().join("man/ladderd-worker.1").try_exists().unwrap(),
        "a hidden command has a page"
    );
    // The page names the command, not the file that it is in.
    assert!(read("man/ladderd-serve.1").contains("ladderd serve"));
}

/// Each line of the package's list of files names files that exist.
#[test]
fn the_files_of_the_package_exist() {
    let manifest = std::fs::read_to_string(root().join("Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    let package = &manifest["package"]["metadata"]["deb"];
    let sources: Vec<&str> = package["assets"]
        .as_array()
        .unwrap()
        .iter()
        .map(|asset| asset[0].as_str().unwrap())
        .filter(|source| !source.starts_with("target/"))
        .collect();
    for source in &sources {
        let path = root().join(source);
        let name = path.file_name().unwrap().to_str().unwrap();
        let is_there = match name.strip_prefix('*') {
            None => path.is_file(),
            Some(end) => has_file_with(path.parent().unwrap(), end),
        };
        assert!(is_there, "{source}");
    }
    assert!(sources.len() > 5);
    for unit in package["systemd-units"].as_array().unwrap() {
        let name = format!("systemd/{}.service", unit["unit-name"].as_str().unwrap());
        assert!(root().join(&name).is_file(), "{name}");
        assert_eq!(unit["start"].as_bool(), Some(false), "{name} starts by itself");
    }
}

fn has_file_with(folder: &Path, end: &str) -> bool {
    let entries = std::fs::read_dir(folder).unwrap();
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().ends_with(end))
}
