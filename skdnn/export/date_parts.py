"""The parts of dates in integer arithmetic, as ONNX has no dates."""

HOUR = 3_600_000_000  # microseconds
DAY = 24 * HOUR
# Days of four hundred years, after which the calendar repeats; of a hundred and of four years less
# one, since leap days are counted at the end of them; and of a year that begins in March.
DAYS_OF_ERA, DAYS_OF_CENTURY, DAYS_OF_FOUR_YEARS, DAYS_OF_YEAR = 146_097, 36_524, 1_460, 365
MARCH_OF_YEAR_0 = -719_468  # days from 1970 to March 1 of the year 0


def date_parts(times):
    """Return what :func:`skdnn.tabular.dates.date_parts` does, as a list of float64 Values.

    ``times`` are an int64 Value, microseconds since 1970. The month and the day by the algorithm
    ``civil_from_days`` of H. Hinnant, https://howardhinnant.github.io/date_algorithms.html.
    """
    days = times // DAY
    of_era = (days - MARCH_OF_YEAR_0) % DAYS_OF_ERA
    leap_days = of_era // DAYS_OF_FOUR_YEARS - of_era // DAYS_OF_CENTURY
    leap_days = leap_days + of_era // (DAYS_OF_ERA - 1)
    year = (of_era - leap_days) // DAYS_OF_YEAR
    of_year = of_era - (year * DAYS_OF_YEAR + year // 4 - year // 100)
    # Months from March on have 31, 30, 31, 30, 31 days, over and over: 153 days in five months.
    month = (of_year * 5 + 2) // 153
    day = of_year - (month * 153 + 2) // 5 + 1
    parts = [(month + 2) % 12 + 1, day, (days + 3) % 7, (times % DAY) // HOUR]
    return [times.astype(float) / 1e6, *(part.astype(float) for part in parts)]
