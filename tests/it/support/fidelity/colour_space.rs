//! Colour tags of a stream, and the conversion from codes to the colours on a screen.

use super::decode::PIXELS;

/// Coefficients that make luma of red, green and blue.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Matrix {
    Bt601,
    Bt709,
    Bt2020,
    #[default]
    Unknown,
}

impl Matrix {
    /// Weights of red and blue in luma.
    fn weights(self) -> (f32, f32) {
        match self {
            Self::Bt601 => (0.299, 0.114),
            Self::Bt709 | Self::Unknown => (0.2126, 0.0722),
            Self::Bt2020 => (0.2627, 0.0593),
        }
    }

    /// Red, green and blue (0 to 1) of luma (0 to 1) and the colour differences (-0.5 to 0.5).
    pub fn decode(self, [y, cb, cr]: [f32; 3]) -> [f32; 3] {
        let (red, blue) = self.weights();
        let (r, b) = (y + 2.0 * (1.0 - red) * cr, y + 2.0 * (1.0 - blue) * cb);
        [r, (y - red * r - blue * b) / (1.0 - red - blue), b]
    }

    /// The reverse of [`Matrix::decode`].
    pub fn encode(self, [r, g, b]: [f32; 3]) -> [f32; 3] {
        let (red, blue) = self.weights();
        let y = red * r + (1.0 - red - blue) * g + blue * b;
        [y, (b - y) / (2.0 * (1.0 - blue)), (r - y) / (2.0 * (1.0 - red))]
    }
}

/// The colour tags of a stream. Names are ffmpeg's.
#[derive(Clone, Debug, Default)]
pub struct Tags {
    pub is_full_range: bool,
    pub matrix: Matrix,
    pub transfer: String,
    /// Range, matrix, primaries and transfer function, for people.
    pub text: String,
}

impl Tags {
    pub fn named(range: &str, matrix: &str, primaries: &str, transfer: &str) -> Self {
        let known = match matrix {
            "bt709" => Matrix::Bt709,
            "bt470bg" | "smpte170m" | "fcc" => Matrix::Bt601,
            "bt2020nc" | "bt2020c" => Matrix::Bt2020,
            _ => Matrix::Unknown,
        };
        Self {
            is_full_range: range == "pc",
            matrix: known,
            transfer: transfer.to_owned(),
            text: [range, matrix, primaries, transfer].join("/"),
        }
    }

    pub fn is_hdr(&self) -> bool {
        ["smpte2084", "arib-std-b67"].contains(&self.transfer.as_str())
    }

    /// Colours of a thumbnail of three planes of codes.
    pub fn to_rgb(&self, yuv: &[u8]) -> Vec<u8> {
        let mut rgb = vec![0; 3 * PIXELS];
        for n in 0..PIXELS {
            let codes = [0, 1, 2].map(|plane| f32::from(yuv[plane * PIXELS + n]));
            for (plane, level) in self.levels(codes).into_iter().enumerate() {
                rgb[plane * PIXELS + n] = to_byte(level);
            }
        }
        rgb
    }

    /// Red, green and blue (0 to 1, or outside of it) of the codes of a pixel.
    pub fn levels(&self, [y, cb, cr]: [f32; 3]) -> [f32; 3] {
        let ycc = if self.is_full_range {
            [y / 255.0, (cb - 128.0) / 255.0, (cr - 128.0) / 255.0]
        } else {
            [(y - 16.0) / 219.0, (cb - 128.0) / 224.0, (cr - 128.0) / 224.0]
        };
        self.matrix.decode(ycc)
    }
}

/// A level of 0 to 1 as a byte.
pub fn to_byte(level: f32) -> u8 {
    (level * 255.0).round().clamp(0.0, 255.0) as u8
}
