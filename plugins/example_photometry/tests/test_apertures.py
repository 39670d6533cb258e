from __future__ import annotations

import numpy as np
import pytest
from example_photometry.apertures import (
    Sky,
    cut_stamps,
    find_centres,
    flux_error,
    measure_fwhm,
    ring_sky,
    subtract_sky,
    sum_apertures,
)


def field(
    n: int = 12, seed: int = 1, fwhm: float = 3.2
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Gaussian stars of 10,000 counts on a sky of 100 +- 5."""
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(30, 370, n), rng.uniform(30, 370, n)
    image = rng.normal(100, 5, (400, 400))
    yy, xx = np.mgrid[0:400, 0:400]
    sigma = fwhm / 2.3548
    for a, b in zip(x, y, strict=True):
        r2 = (xx - a) ** 2 + (yy - b) ** 2
        image += 10000 / (2 * np.pi * sigma**2) * np.exp(-r2 / (2 * sigma**2))
    return image.astype(np.float32), x, y


def test_sums_and_ring_agree_with_photutils() -> None:
    aperture = pytest.importorskip("photutils.aperture")
    image, x, y = field()
    stamps = cut_stamps(image, np.zeros(image.shape, bool), x, y, 25)
    sky = ring_sky(stamps, x, y, 12, 20)
    radii = np.array([2.0, 4.5, 7.3])
    sums = sum_apertures(subtract_sky(stamps, sky), stamps, x, y, radii)
    places = np.column_stack([x, y])
    for k, radius in enumerate(radii):
        circle = aperture.CircularAperture(places, radius)
        total = aperture.aperture_photometry(image, circle, method="exact")["aperture_sum"]
        expected = np.asarray(total) - sky.level * np.pi * radius**2
        np.testing.assert_allclose(sums.flux[:, k], expected, atol=1.0, rtol=1e-4)
    ring = aperture.CircularAnnulus(places, 12, 20)
    from astropy.stats import SigmaClip

    stats = aperture.ApertureStats(image, ring, sigma_clip=SigmaClip(3), sum_method="center")
    np.testing.assert_allclose(sky.level, stats.median, atol=0.3)
    np.testing.assert_allclose(sky.sigma, stats.std, rtol=0.03)


def test_centres_are_found_to_a_hundredth_of_a_pixel() -> None:
    image, x, y = field()
    start_x, start_y = x + 0.8, y - 0.6
    stamps = cut_stamps(image - 100, np.zeros(image.shape, bool), start_x, start_y, 15)
    found = find_centres(stamps, start_x, start_y, fwhm=3.2, max_shift=3)
    assert found.found.all()
    assert np.hypot(found.x - x, found.y - y).max() < 0.03


def test_a_centre_that_runs_away_is_not_believed() -> None:
    image, x, y = field()
    stamps = cut_stamps(image - 100, np.zeros(image.shape, bool), x + 4, y, 15)
    found = find_centres(stamps, x + 4, y, fwhm=6, max_shift=1)
    assert not found.found.any()
    np.testing.assert_allclose(found.x, x + 4)


def test_widths_are_those_of_the_stars() -> None:
    for fwhm in (2.5, 4.0):
        image, x, y = field(fwhm=fwhm)
        stamps = cut_stamps(image - 100, np.zeros(image.shape, bool), x, y, 20)
        assert np.median(measure_fwhm(stamps, x, y, 3 * fwhm)) == pytest.approx(fwhm, rel=0.07)


def test_stars_at_and_beyond_the_edge_are_missing_not_wrong() -> None:
    image, _, _ = field()
    x, y = np.array([1.0, 200.0, -50.0, 399.0]), np.array([200.0, 398.5, 200.0, 399.0])
    stamps = cut_stamps(image, np.zeros(image.shape, bool), x, y, 10)
    sums = sum_apertures(stamps, stamps, x, y, np.array([4.0]))
    assert (sums.bad[:, 0] > 5).all()
    assert sums.bad[2, 0] == pytest.approx(np.pi * 16, rel=1e-3)


def test_the_same_place_gives_the_same_flux_in_any_company() -> None:
    image, x, y = field()
    bad = np.zeros(image.shape, bool)
    radii = np.array([3.0, 6.0])
    together = cut_stamps(image, bad, x, y, 12)
    alone = [cut_stamps(image, bad, x[n : n + 1], y[n : n + 1], 12) for n in range(len(x))]
    whole = sum_apertures(together, together, x, y, radii).flux
    for n, stamps in enumerate(alone):
        single = sum_apertures(stamps, stamps, x[n : n + 1], y[n : n + 1], radii).flux
        np.testing.assert_allclose(whole[n], single[0], rtol=1e-6)


def test_masked_pixels_are_counted_and_hold_nothing() -> None:
    image, x, y = field(n=1)
    bad = np.zeros(image.shape, bool)
    bad[round(y[0]), round(x[0])] = True
    stamps = cut_stamps(image, bad, x, y, 15)
    sky = ring_sky(stamps, x, y, 8, 14)
    sums = sum_apertures(subtract_sky(stamps, sky), stamps, x, y, np.array([4.0]))
    assert sums.bad[0, 0] == pytest.approx(1.0, abs=1e-3)
    assert sums.flux[0, 0] < 9500


def test_the_ring_ignores_stars_and_tells_how_many_pixels_it_used() -> None:
    rng = np.random.default_rng(5)
    image = rng.normal(50, 3, (80, 80)).astype(np.float32)
    image[40, 52] = image[28, 40] = 5000
    at = np.array([40.0]), np.array([40.0])
    stamps = cut_stamps(image, np.zeros(image.shape, bool), *at, 20)
    sky = ring_sky(stamps, *at, 8, 16)
    assert sky.level[0] == pytest.approx(50, abs=0.5)
    assert sky.sigma[0] == pytest.approx(3, rel=0.1)
    assert np.pi * (16**2 - 8**2) * 0.95 < sky.pixels[0] <= np.pi * (16**2 - 8**2) * 1.02


def test_an_empty_ring_has_no_level() -> None:
    image = np.ones((40, 40), np.float32)
    at = np.array([20.0]), np.array([20.0])
    stamps = cut_stamps(image, np.ones(image.shape, bool), *at, 15)
    assert np.isnan(ring_sky(stamps, *at, 5, 12).level[0])


def test_the_error_is_that_of_the_ccd_equation() -> None:
    sky = Sky(np.array([100.0]), np.array([5.0]), np.array([400.0]))
    flux, area = np.array([[10000.0]]), np.array([[50.0]])
    error = flux_error(flux, area, sky, gain=2.0)
    expected = np.sqrt(10000 / 2 + 50 * 25 * (1 + np.pi / 2 * 50 / 400))
    assert error[0, 0] == pytest.approx(expected)
    assert flux_error(flux, area, sky, gain=np.nan)[0, 0] < expected


def test_errors_agree_with_the_scatter_of_many_realisations() -> None:
    rng = np.random.default_rng(2)
    fluxes, errors = [], []
    for _ in range(200):
        image = rng.poisson(400, (41, 41)).astype(np.float32)
        yy, xx = np.mgrid[0:41, 0:41]
        star = 8000 / (2 * np.pi * 2) * np.exp(-((xx - 20) ** 2 + (yy - 20) ** 2) / 4)
        image += rng.poisson(star)
        at = np.array([20.0]), np.array([20.0])
        stamps = cut_stamps(image / 2, np.zeros(image.shape, bool), *at, 20)
        sky = ring_sky(stamps, *at, 9, 15)
        sums = sum_apertures(subtract_sky(stamps, sky), stamps, *at, np.array([4.0]))
        fluxes.append(sums.flux[0, 0])
        errors.append(flux_error(sums.flux, sums.area, sky, 2.0)[0, 0])
    assert np.std(fluxes) / np.mean(errors) == pytest.approx(1.0, abs=0.15)
