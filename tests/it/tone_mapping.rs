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

/// Broadcasts of HLG come in fields.
#[test]
fn fields_of_hlg_become_whole_frames_of_standard_range() {
    let signal = 0.5;
    let luma = 64.0 + 876.0 * signal;
    // Grey above, and bars that move below.
    let source = format!(
        "color=black:s=640x360:r=50:d=2,format=yuv420p10le,\
         geq=lum='if(lt(Y,180),{luma:.0},if(lt(mod(X+400*T,640),160),700,300))':cb=512:cr=512,\
         tinterlace=interleave_top,fieldorder=tff"
    );
    let tags = "tff=1:colorprim=bt2020:transfer=arib-std-b67:colormatrix=bt2020nc";
    let encode = ["-c:v", "libx264", "-flags", "+ildct+ilme", "-x264-params", tags];
    let clip =
        media::generated("hlg_fields.ts", &[&["-f", "lavfi", "-i", &source], &encode[..]].concat());
    let Some(clip) = clip else { return };
    let stream = transcode(&clip);
    let [interlaced, progressive] = media::interlaced_and_progressive(&stream.index("360p"));
    assert!(progressive > 10 * interlaced, "{interlaced} frames with combs");
    let [luma, blue, red] = media::mean_yuv(&stream.path("360p/index.m3u8"), "1", "iw:ih/4:0:0");
    let expected = 16.0 + 219.0 * (50.7_f64 / 203.0).powf(1.0 / 2.4);
    assert!((luma - expected).abs() < 2.5, "{luma}, not {expected}");
    assert!((blue - 128.0).abs() < 1.5 && (red - 128.0).abs() < 1.5, "{blue} {red}");
}
