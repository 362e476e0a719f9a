//! Makes the binary follow the page: `make web` writes `web/dist`, which is part of the binary.

fn main() -> std::io::Result<()> {
    // A folder that is missing would count as changed at every build.
    std::fs::create_dir_all("web/dist")?;
    println!("cargo::rerun-if-changed=web/dist");
    println!("cargo::rerun-if-changed=build.rs");
    Ok(())
}
