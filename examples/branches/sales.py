SALES = {"north": [3, 4], "south": [5], "east/west": []}


def regions():
    return {"regions": list(SALES)}


def sum_up(region):
    return sum(SALES[region])


def add(*totals):
    return sum(totals)


def rate(total):
    return "good" if total > 100 else "poor"


def add_a_bit(total):
    return total + 10, total + 10 >= 40
