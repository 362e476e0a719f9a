//! High dynamic range, read back: what comes out is what the standards say, and says what it is.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::support::{Need, has, media, program, skip};

/// Makes a second of grey with this signal (0 to 1) in ten bits, tagged with this transfer function.
fn grey(dir: &Path, transfer: &str, signal: f64) -> Option<PathBuf> {
    if !has("ffmpeg") {
        skip(Need::Ffmpeg, "ffmpeg is not there");
        return None;
    }
    let path = dir.join(format!("{transfer}.mp4"));
    let luma = 64.0 + 876.0 * signal;
    let picture = format!(
        "color=black:s=640x360:r=25:d=1,format=yuv420p10le,\
                           geq=lum={luma:.0}:cb=512:cr=512"
    );
    let tags = format!(
        "colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc:range=limited:log-level=error"
    );
    let made = Command::new("ffmpeg")
        .args(["-v", "error", "-y", "-f", "lavfi", "-i", &picture])
        .args(["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", &tags, "-tag:v", "hvc1"])
        .args(["-color_primaries", "bt2020", "-colorspace", "bt2020nc", "-color_trc", transfer])
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    Some(path)
}

fn colours(playlist: &Path) -> String {
    let entries = "stream=color_space,color_transfer,color_primaries,pix_fmt,profile";
    let output = Command::new("ffprobe")
        .args(["-v", "error", "-select_streams", "v:0", "-show_entries", entries])
        .args(["-of", "default=nk=1:nw=1"])
        .arg(playlist)
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().lines().take(5).collect::<Vec<_>>().join(" ")
}

#[test]
fn greys_of_hlg_and_pq_get_the_light_that_the_standards_say() {
    // Below the knee of BT.2390 light stays as it is, 203 nit being white: with BT.1886 the signal is
    // (nit / 203) ^ (1 / 2.4). HLG 0.5 is 50.7 nit on a screen of 1000 nit, PQ 0.44 is 49.9 nit.
    let table = [("arib-std-b67", 0.5, 50.7_f64), ("smpte2084", 0.44, 49.9)];
    for (transfer, signal, nit) in table {
        let dir = tempfile::tempdir().unwrap();
        let Some(clip) = grey(dir.path(), transfer, signal) else { return };
        let out = dir.path().join("out");
        let output = program().arg("transcode").arg(&clip).arg(&out).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let playlist = out.join("360p/index.m3u8");
        let [luma, blue, red] = media::mean(&playlist, "0.5", "iw:ih");
        let expected = 16.0 + 219.0 * (nit / 203.0).powf(1.0 / 2.4);
        assert!((luma - expected).abs() < 2.5, "{transfer}: {luma}, not {expected}");
        assert!(
            (blue - 128.0).abs() < 1.0 && (red - 128.0).abs() < 1.0,
            "{transfer}: {blue} {red}"
        );
        let found = colours(&playlist);
        assert!(found.starts_with("High yuv420p"), "{transfer}: {found}");
        assert!(found.ends_with("bt709 bt709 bt709"), "{transfer}: {found}");
    }
}
