//! HDR sources: levels and tags of the SDR output, measured by ffmpeg.

use std::path::PathBuf;

use super::support::media;
use super::support::stream::transcode;

/// A second of 10-bit grey with this signal (0 to 1) and this transfer function.
fn grey(transfer: &str, signal: f64) -> Option<PathBuf> {
    let luma = 64.0 + 876.0 * signal;
    let source = format!(
        "color=black:s=640x360:r=25:d=1,format=yuv420p10le,geq=lum={luma:.0}:cb=512:cr=512"
    );
    let tags = format!(
        "colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc:range=limited:log-level=error"
    );
    let input = ["-f", "lavfi", "-i", &source];
    let encode = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", &tags];
    let container = ["-tag:v", "hvc1", "-color_primaries", "bt2020", "-colorspace", "bt2020nc"];
    let arguments = [&input[..], &encode, &container, &["-color_trc", transfer]].concat();
    media::generated(&format!("{transfer}.mp4"), &arguments)
}

#[test]
fn grey_of_hlg_and_pq_has_the_luminance_of_the_standards() {
    // Luminance below the knee of BT.2390 is kept and 203 nit is white: by BT.1886 the signal is
    // (nit / 203) ^ (1 / 2.4). HLG 0.5 is 50.7 nit on a screen of 1000 nit, PQ 0.44 is 49.9 nit.
    let table = [("arib-std-b67", 0.5, 50.7_f64), ("smpte2084", 0.44, 49.9)];
    for (transfer, signal, nit) in table {
        let Some(clip) = grey(transfer, signal) else { return };
        let stream = transcode(&clip);
        let [luma, blue, red] = media::mean_yuv(&stream.path("360p/index.m3u8"), "0.5", "iw:ih");
        let expected = 16.0 + 219.0 * (nit / 203.0).powf(1.0 / 2.4);
        assert!((luma - expected).abs() < 2.5, "{transfer}: {luma}, not {expected}");
        assert!(
            (blue - 128.0).abs() < 1.0 && (red - 128.0).abs() < 1.0,
            "{transfer}: {blue} {red}"
        );
        let colours = media::colours(&stream.index("360p"));
        assert!(colours.starts_with("High yuv420p"), "{transfer}: {colours}");
        assert!(colours.ends_with("bt709 bt709 bt709"), "{transfer}: {colours}");
    }
}
