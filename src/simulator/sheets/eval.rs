//! The value of a formula, as far as simple ones go: numbers, texts, `+ - * / ^ & %`, comparisons, references, named
//! ranges and a handful of functions. Anything else shows `#ERROR!`, never an invented value.

use std::{cell::RefCell, collections::HashMap};

use super::{
    a1::{Open, Rect},
    formula::{Corner, Reference, Token, tokens},
    model::{CellValue, Spreadsheet},
};

/// What a cell shows, before formatting.
#[derive(Debug, Clone, PartialEq)]
pub enum Effective {
    Empty,
    Number(f64),
    Bool(bool),
    Text(Box<str>),
    Error(Fault),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Not understood here, or not a formula.
    Error,
    Reference,
    DivisionByZero,
    Value,
}

impl Fault {
    pub fn shown(self) -> &'static str {
        match self {
            Self::Error => "#ERROR!",
            Self::Reference => "#REF!",
            Self::DivisionByZero => "#DIV/0!",
            Self::Value => "#VALUE!",
        }
    }

    /// `ErrorType` of the API.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Error => "ERROR",
            Self::Reference => "REF",
            Self::DivisionByZero => "DIVIDE_BY_ZERO",
            Self::Value => "VALUE",
        }
    }
}

/// Evaluates the cells of one state of a spreadsheet, each at most once.
pub struct Evaluator<'a> {
    book: &'a Spreadsheet,
    /// `None` while a cell is being evaluated: a reference to it then is a circle.
    known: RefCell<HashMap<(usize, usize, usize), Option<Effective>>>,
}

/// How deep formulas may point at formulas before the simulator gives up.
const MAX_DEPTH: usize = 100;

impl<'a> Evaluator<'a> {
    pub fn new(book: &'a Spreadsheet) -> Self {
        Self {
            book,
            known: RefCell::default(),
        }
    }

    pub fn cell(&self, sheet: usize, row: usize, column: usize) -> Effective {
        self.cell_at(sheet, row, column, 0)
    }

    fn cell_at(&self, sheet: usize, row: usize, column: usize, depth: usize) -> Effective {
        let formula = match &self.book.sheets[sheet].cell(row, column).value {
            CellValue::Empty => return Effective::Empty,
            CellValue::Number(number) => return Effective::Number(*number),
            CellValue::Bool(value) => return Effective::Bool(*value),
            CellValue::Text(text) => return Effective::Text(text.clone()),
            CellValue::Formula(formula) => formula,
        };
        let key = (sheet, row, column);
        if let Some(known) = self.known.borrow().get(&key) {
            return known.clone().unwrap_or(Effective::Error(Fault::Reference));
        }
        if depth > MAX_DEPTH {
            return Effective::Error(Fault::Error);
        }
        self.known.borrow_mut().insert(key, None);
        let value = self.formula(formula, sheet, depth).unwrap_or_else(Effective::Error);
        self.known.borrow_mut().insert(key, Some(value.clone()));
        value
    }

    fn formula(&self, formula: &str, sheet: usize, depth: usize) -> Result<Effective, Fault> {
        let body = formula.strip_prefix('=').unwrap_or(formula);
        let all = tokens(body);
        let tokens = all
            .iter()
            .map(|(token, _)| token)
            .filter(|token| **token != Token::Space)
            .collect();
        let mut parser = Parser {
            evaluator: self,
            sheet,
            depth,
            tokens,
            at: 0,
        };
        let operand = parser.comparison()?;
        if parser.at < parser.tokens.len() {
            return Err(Fault::Error);
        }
        // a formula whose value is a blank cell shows 0
        match operand.single()? {
            Effective::Empty => Ok(Effective::Number(0.0)),
            value => Ok(value),
        }
    }
}

/// A value, or the cells of a range for the functions that take ranges.
enum Operand {
    Value(Effective),
    Range(Vec<Effective>),
}

impl Operand {
    fn single(self) -> Result<Effective, Fault> {
        match self {
            Self::Value(Effective::Error(fault)) => Err(fault),
            Self::Value(value) => Ok(value),
            Self::Range(cells) => match <[Effective; 1]>::try_from(cells) {
                Ok([Effective::Error(fault)]) => Err(fault),
                Ok([value]) => Ok(value),
                Err(_) => Err(Fault::Value),
            },
        }
    }

    fn number(self) -> Result<f64, Fault> {
        match self.single()? {
            Effective::Empty => Ok(0.0),
            Effective::Number(number) => Ok(number),
            Effective::Bool(value) => Ok(f64::from(u8::from(value))),
            Effective::Text(text) => text.trim().parse().map_err(|_| Fault::Value),
            Effective::Error(fault) => Err(fault),
        }
    }

    fn text(self) -> Result<String, Fault> {
        Ok(match self.single()? {
            Effective::Empty => String::new(),
            Effective::Number(number) => number.to_string(),
            Effective::Bool(value) => value.to_string().to_uppercase(),
            Effective::Text(text) => text.into(),
            Effective::Error(fault) => return Err(fault),
        })
    }
}

struct Parser<'a, 't> {
    evaluator: &'a Evaluator<'a>,
    sheet: usize,
    depth: usize,
    tokens: Vec<&'t Token<'t>>,
    at: usize,
}

impl<'t> Parser<'_, 't> {
    fn take_symbol(&mut self, symbols: &[&str]) -> Option<&'t str> {
        match self.tokens.get(self.at) {
            Some(Token::Symbol(symbol)) if symbols.contains(symbol) => {
                self.at += 1;
                Some(symbol)
            }
            _ => None,
        }
    }

    fn comparison(&mut self) -> Result<Operand, Fault> {
        let mut left = self.joined()?;
        while let Some(symbol) = self.take_symbol(&["=", "<>", "<", ">", "<=", ">="]) {
            let (a, b) = (left.single()?, self.joined()?.single()?);
            let order = match (&a, &b) {
                (Effective::Text(a), Effective::Text(b)) => a.to_lowercase().partial_cmp(&b.to_lowercase()),
                (Effective::Bool(a), Effective::Bool(b)) => a.partial_cmp(b),
                (Effective::Text(_), _) | (_, Effective::Text(_)) => (a == b).then_some(std::cmp::Ordering::Equal),
                _ => Operand::Value(a).number()?.partial_cmp(&Operand::Value(b).number()?),
            };
            let holds = match (symbol, order) {
                ("=", order) => order.is_some_and(|order| order.is_eq()),
                ("<>", order) => order.is_none_or(|order| order.is_ne()),
                (_, None) => return Err(Fault::Error),
                ("<", Some(order)) => order.is_lt(),
                (">", Some(order)) => order.is_gt(),
                ("<=", Some(order)) => order.is_le(),
                (_, Some(order)) => order.is_ge(),
            };
            left = Operand::Value(Effective::Bool(holds));
        }
        Ok(left)
    }

    fn joined(&mut self) -> Result<Operand, Fault> {
        let mut left = self.sum()?;
        while self.take_symbol(&["&"]).is_some() {
            let text = left.text()? + &self.sum()?.text()?;
            left = Operand::Value(Effective::Text(text.into()));
        }
        Ok(left)
    }

    fn sum(&mut self) -> Result<Operand, Fault> {
        let mut left = self.product()?;
        while let Some(symbol) = self.take_symbol(&["+", "-"]) {
            let (a, b) = (left.number()?, self.product()?.number()?);
            left = number(if symbol == "+" { a + b } else { a - b });
        }
        Ok(left)
    }

    fn product(&mut self) -> Result<Operand, Fault> {
        let mut left = self.power()?;
        while let Some(symbol) = self.take_symbol(&["*", "/"]) {
            let (a, b) = (left.number()?, self.power()?.number()?);
            left = match symbol {
                "*" => number(a * b),
                _ if b == 0.0 => return Err(Fault::DivisionByZero),
                _ => number(a / b),
            };
        }
        Ok(left)
    }

    fn power(&mut self) -> Result<Operand, Fault> {
        let left = self.signed()?;
        match self.take_symbol(&["^"]) {
            Some(_) => Ok(number(left.number()?.powf(self.power()?.number()?))),
            None => Ok(left),
        }
    }

    fn signed(&mut self) -> Result<Operand, Fault> {
        match self.take_symbol(&["-", "+"]) {
            Some("-") => Ok(number(-self.signed()?.number()?)),
            Some(_) => self.signed(),
            None => {
                let mut operand = self.operand()?;
                while self.take_symbol(&["%"]).is_some() {
                    operand = number(operand.number()? / 100.0);
                }
                Ok(operand)
            }
        }
    }

    fn operand(&mut self) -> Result<Operand, Fault> {
        if self.take_symbol(&["("]).is_some() {
            let inner = self.comparison()?;
            return self.take_symbol(&[")"]).map(|_| inner).ok_or(Fault::Error);
        }
        // #REF! is left by a rewrite
        if self.take_symbol(&["#"]).is_some() {
            return Err(Fault::Reference);
        }
        let token = *self.tokens.get(self.at).ok_or(Fault::Error)?;
        self.at += 1;
        match token {
            Token::Number(value) => Ok(number(*value)),
            Token::Text(text) => Ok(Operand::Value(Effective::Text(text.as_str().into()))),
            Token::Reference(reference) => self.reference(reference),
            Token::Name(name) => self.name(name),
            Token::Symbol(_) | Token::Space => Err(Fault::Error),
        }
    }

    fn name(&mut self, name: &str) -> Result<Operand, Fault> {
        if self.take_symbol(&["("]).is_some() {
            let mut arguments = Vec::new();
            if self.take_symbol(&[")"]).is_none() {
                loop {
                    arguments.push(self.comparison()?);
                    if self.take_symbol(&[",", ";"]).is_none() {
                        break;
                    }
                }
                self.take_symbol(&[")"]).ok_or(Fault::Error)?;
            }
            return function(&name.to_ascii_uppercase(), arguments).map(Operand::Value);
        }
        match name.to_ascii_uppercase().as_str() {
            "TRUE" => Ok(Operand::Value(Effective::Bool(true))),
            "FALSE" => Ok(Operand::Value(Effective::Bool(false))),
            _ => {
                let (sheet, open) = self.evaluator.book.named_range(name).ok_or(Fault::Error)?;
                Ok(self.cells(sheet, open))
            }
        }
    }

    fn reference(&self, reference: &Reference) -> Result<Operand, Fault> {
        let sheet = match &reference.sheet {
            Some(title) => self.evaluator.book.position_by_title(title).ok_or(Fault::Reference)?,
            None => self.sheet,
        };
        let last = reference.last.unwrap_or(reference.first);
        let (top, bottom) = ordered(reference.first, last, |corner| corner.row.map(|part| part.index));
        let (left, right) = ordered(reference.first, last, |corner| corner.column.map(|part| part.index));
        Ok(self.cells(
            sheet,
            Open {
                top,
                bottom,
                left,
                right,
            },
        ))
    }

    fn cells(&self, sheet: usize, open: Open) -> Operand {
        let grid = &self.evaluator.book.sheets[sheet];
        let Rect {
            top,
            bottom,
            left,
            right,
        } = open.clipped(grid.rows.len(), grid.columns.len());
        let mut cells = Vec::new();
        for row in top..bottom {
            // rows are stored up to their last cell: what lies beyond is empty
            for column in left..right.min(grid.rows[row].cells.len().max(left + 1)) {
                cells.push(self.evaluator.cell_at(sheet, row, column, self.depth + 1));
            }
        }
        Operand::Range(cells)
    }
}

fn ordered(first: Corner, last: Corner, part: impl Fn(Corner) -> Option<usize>) -> (Option<usize>, Option<usize>) {
    match (part(first), part(last)) {
        (Some(a), Some(b)) => (Some(a.min(b)), Some(a.max(b) + 1)),
        (a, b) => (a.or(b), None),
    }
}

fn number(value: f64) -> Operand {
    Operand::Value(Effective::Number(value))
}

fn function(name: &str, arguments: Vec<Operand>) -> Result<Effective, Fault> {
    if name == "IF" {
        let mut arguments = arguments.into_iter();
        let condition = arguments.next().ok_or(Fault::Error)?.number()? != 0.0;
        let chosen = if condition { arguments.next() } else { arguments.nth(1) };
        return chosen.map_or(Ok(Effective::Bool(false)), Operand::single);
    }
    let mut cells = Vec::new();
    for argument in arguments {
        match argument {
            Operand::Value(value) => cells.push(value),
            Operand::Range(range) => cells.extend(range),
        }
    }
    if name == "COUNTA" {
        return Ok(count(cells.iter().filter(|cell| **cell != Effective::Empty).count()));
    }
    if let Some(fault) = cells.iter().find_map(|cell| match cell {
        Effective::Error(fault) => Some(*fault),
        _ => None,
    }) {
        return Err(fault);
    }
    let numbers: Vec<f64> = cells
        .iter()
        .filter_map(|cell| match cell {
            Effective::Number(number) => Some(*number),
            _ => None,
        })
        .collect();
    let sum: f64 = numbers.iter().sum();
    match name {
        "SUM" => Ok(Effective::Number(sum)),
        "COUNT" => Ok(count(numbers.len())),
        "AVERAGE" if numbers.is_empty() => Err(Fault::DivisionByZero),
        "AVERAGE" => Ok(Effective::Number(sum / numbers.len() as f64)),
        "MIN" => Ok(Effective::Number(numbers.into_iter().reduce(f64::min).unwrap_or(0.0))),
        "MAX" => Ok(Effective::Number(numbers.into_iter().reduce(f64::max).unwrap_or(0.0))),
        _ => Err(Fault::Error),
    }
}

fn count(count: usize) -> Effective {
    Effective::Number(count as f64)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn value(formula: &str) -> Effective {
        let mut book = Spreadsheet::fresh("id", "t");
        let sheet = Arc::make_mut(&mut book.sheets[0]);
        for (row, number) in [2.0, 3.0, 5.0].into_iter().enumerate() {
            sheet.edit(row, 0, |cell| cell.value = CellValue::Number(number));
        }
        sheet.edit(0, 1, |cell| cell.value = CellValue::Formula("=A1*10".into()));
        sheet.edit(1, 1, |cell| cell.value = CellValue::Text("x".into()));
        sheet.edit(9, 9, |cell| cell.value = CellValue::Formula(formula.into()));
        Evaluator::new(&book).cell(0, 9, 9)
    }

    #[test]
    fn simple_formulas_have_their_value() {
        for (formula, expected) in [
            ("=4/2", 2.0),
            ("=1+2*3^2-1", 18.0),
            ("=-(2+3)*50%", -2.5),
            ("=SUM(A1:A3)", 10.0),
            ("=sum( A:A ; 1 )", 11.0),
            ("=B1+A2", 23.0),
            ("=Sheet1!A3", 5.0),
            ("=AVERAGE(A1:A3)*3", 10.0),
            ("=COUNTA(A1:B3)", 5.0),
            ("=IF(A1<A2,7,8)", 7.0),
            ("=C1", 0.0),
        ] {
            assert_eq!(value(formula), Effective::Number(expected), "{formula}");
        }
        assert_eq!(value("=A1&\"-\"&B2"), Effective::Text("2-x".into()));
    }

    #[test]
    fn what_cannot_be_computed_is_an_error_and_never_a_value() {
        for (formula, fault) in [
            ("=A1/0", Fault::DivisionByZero),
            ("=VLOOKUP(1,A:B,2)", Fault::Error),
            ("=A1+", Fault::Error),
            ("=A1+B2", Fault::Value),
            ("=#REF!+1", Fault::Reference),
            ("=J10", Fault::Reference),
            ("=Nowhere!A1", Fault::Reference),
        ] {
            assert_eq!(value(formula), Effective::Error(fault), "{formula}");
        }
    }
}
